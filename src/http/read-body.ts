import type { IncomingMessage } from 'node:http';

/** Memory that all bodies share. */
export interface ByteBudget {
  hold(bytes: number, soFar: number): boolean;
  release(bytes: number): void;
}

export type Body =
  /** The bytes as they came over the wire. The caller gives `bytes.length` back to the budget. */
  | { readonly outcome: 'complete'; readonly bytes: Buffer }
  /** More than the limit, announced or counted. */
  | { readonly outcome: 'too_large' }
  /** The budget is used up by other bodies. */
  | { readonly outcome: 'no_room' }
  /** The sender went away or was too slow: nobody is left to answer. */
  | { readonly outcome: 'aborted' };

/**
 * Reads a request body as it is: no inflation, no decoding, whatever its type. Never rejects. When it is not complete the
 * budget has everything back, and what still arrives is thrown away, so that the sender can read the answer.
 */
export function readBody(request: IncomingMessage, limitBytes: number, budget: ByteBudget): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) return Promise.resolve({ outcome: 'too_large' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isSettled = false;

    // The listeners stay where they are, since taking them off costs as much as all the rest of this.
    const settle = (body: Body): void => {
      isSettled = true;
      if (body.outcome !== 'complete') {
        chunks.length = 0;
        budget.release(size);
        request.resume();
      }
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      if (isSettled) return;
      if (size + chunk.length > limitBytes) settle({ outcome: 'too_large' });
      else if (!budget.hold(chunk.length, size)) settle({ outcome: 'no_room' });
      else {
        size += chunk.length;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => {
      if (isSettled) return;
      const only = chunks.length === 1 ? chunks[0] : undefined;
      settle({ outcome: 'complete', bytes: only ?? Buffer.concat(chunks, size) });
    };
    const onClose = (): void => {
      if (!isSettled) settle({ outcome: 'aborted' });
    };

    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}
