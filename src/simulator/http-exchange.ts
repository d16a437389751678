import http from 'node:http';
import https from 'node:https';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** For the whole exchange, from the connection to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** More than this of an answer's body is read but not kept: Meta looks at nothing but the status and the challenge. */
const KEPT_BYTES = 64 * 1024;

/**
 * One request on a connection of its own, with exactly these headers and bytes; redirects are not followed. Not `fetch`: that
 * adds headers which Meta does not send, and its pool outlives whoever used it.
 *
 * @throws Error of Node if there is no complete answer in time
 */
export function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, body, timeoutMs, signal } = request;
  const headers = body ? { ...request.headers, 'Content-Length': String(body.byteLength) } : request.headers;
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const sent = client.request(url, { method, headers, signal, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let keptBytes = 0;
      answer.on('data', (chunk: Buffer) => {
        if (keptBytes < KEPT_BYTES) chunks.push(chunk);
        keptBytes += chunk.byteLength;
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'],
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    sent.on('error', reject);
    sent.on('close', () => clearTimeout(timer));
    sent.end(body);
  });
}
