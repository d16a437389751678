import { type RequestInit, Response } from 'node-fetch';

/** A call of the Graph API that never leaves this process. */
interface GraphCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly authorization: string | undefined;
  readonly body: Uint8Array;
}

/** `none`: no answer ever comes; `reset`: the connection breaks after the request has left. */
type GraphAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'reset' };

export type AnswerGraph = (call: GraphCall) => GraphAnswer;

/** In the place of `GraphConnections` where Meta is in the same process, as in the test of a bot. */
export class InProcessConnections {
  readonly #answer: AnswerGraph;

  constructor(answer: AnswerGraph) {
    this.#answer = answer;
  }

  /** Like node-fetch's `fetch`, for requests whose body is a text. Who waits for `none` is told at once that nothing came. */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers as Record<string, string>);
    const { pathname, search } = new URL(url);
    const answer = this.#answer({
      method: init.method ?? 'GET',
      path: pathname,
      query: search.slice(1),
      authorization: headers.get('authorization') ?? undefined,
      body: Buffer.from(String(init.body ?? '')),
    });
    switch (answer.kind) {
      case 'answer':
        return new Response(answer.body, { status: answer.status, headers: answer.headers });
      case 'none':
        throw Object.assign(new Error('no answer came'), { code: 'ETIMEDOUT' });
      case 'reset':
        throw Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' });
    }
  }

  close(): void {}
}
