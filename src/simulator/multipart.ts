/** One part of a form. */
export interface FormPart {
  readonly name: string;
  readonly filename?: string;
  readonly contentType?: string;
  readonly content: Buffer;
}

/** The parts of a `multipart/form-data` body (RFC 7578); undefined if it is none, or is cut. */
export function readForm(contentType: string | undefined, body: Buffer): readonly FormPart[] | undefined {
  const boundary = /^multipart\/form-data;.*\bboundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined) return undefined;
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const rest = Buffer.concat([Buffer.from('\r\n'), body]);
  const parts: FormPart[] = [];
  let at = rest.indexOf(delimiter);
  while (at !== -1) {
    const start = at + delimiter.byteLength;
    if (rest.subarray(start, start + 2).toString() === '--') return parts;
    const end = rest.indexOf(delimiter, start);
    const part = end === -1 ? undefined : readPart(rest.subarray(start + 2, end));
    if (part === undefined) return undefined;
    parts.push(part);
    at = end;
  }
  return undefined;
}

function readPart(bytes: Buffer): FormPart | undefined {
  const split = bytes.indexOf('\r\n\r\n');
  if (split === -1) return undefined;
  const head = bytes.subarray(0, split).toString('utf8');
  const name = /^content-disposition:.*\bname="([^"]*)"/im.exec(head)?.[1];
  const filename = /^content-disposition:.*\bfilename="([^"]*)"/im.exec(head)?.[1];
  const contentType = /^content-type:\s*(.+)$/im.exec(head)?.[1]?.trim();
  if (name === undefined) return undefined;
  return {
    name,
    ...(filename === undefined ? {} : { filename }),
    ...(contentType === undefined ? {} : { contentType }),
    content: bytes.subarray(split + 4),
  };
}
