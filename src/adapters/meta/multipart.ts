import { randomBytes } from 'node:crypto';
import { WahookError } from '../../core/errors.ts';

export interface FilePart {
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A form with texts and one file, as `multipart/form-data` (RFC 7578), whose length is known before it is read. */
export interface Form {
  readonly contentType: string;
  readonly bytes: number;
  /** To be read once. Reading fails if the file is not as long as was said. */
  readonly body: AsyncIterable<Uint8Array>;
  /** What went wrong with the file itself while it was read. */
  failure(): unknown;
}

export function multipart(fields: Readonly<Record<string, string>>, file: FilePart): Form {
  const boundary = `wahook-${randomBytes(16).toString('hex')}`;
  const part = (disposition: string) => `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${part(`name="${name}"`)}\r\n${value}\r\n`);
  const head = `${part(`name="file"; filename="${oneLine(file.filename)}"`)}content-type: ${oneLine(file.mimeType)}\r\n\r\n`;
  const before = Buffer.from(texts.join('') + head);
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  let failure: unknown;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: before.byteLength + file.bytes + after.byteLength,
    failure: () => failure,
    body: (async function* () {
      yield before;
      try {
        yield* exactly(file.bytes, file.content);
      } catch (error) {
        failure = error;
        throw error;
      }
      yield after;
    })(),
  };
}

async function* exactly(bytes: number, content: FilePart['content']): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const piece of content) {
    seen += piece.byteLength;
    if (seen > bytes) break;
    yield piece;
  }
  if (seen === bytes) return;
  const what = seen > bytes ? 'more' : `only ${seen}`;
  throw new WahookError('invalid_media', `This file cannot be uploaded: it should have ${bytes} bytes and has ${what}`);
}

/** What would end the quotation, or the line, is left out. */
function oneLine(text: string): string {
  return text.replace(/["\\\p{Cc}]/gu, '_');
}
