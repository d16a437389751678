import { exchange, type HttpAnswer } from './http-exchange.ts';

/** What Meta's dashboard finds out when a callback URL is set. */
export type Handshake =
  | { readonly ok: true; readonly ms: number; readonly contentType?: string; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly ms: number; readonly message: string; readonly reason: string };

export interface HandshakeTerms {
  readonly verifyToken: string;
  readonly challenge: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The dashboard's words for every refusal; it never says why, `reason` does. */
const REFUSED =
  "The callback URL or verify token couldn't be validated. Please verify the provided information or try again later.";

/**
 * Asks the URL to prove that it belongs to whoever knows the verify token: GET with `hub.mode`, `hub.challenge` and
 * `hub.verify_token`, to be answered with status 200 and the challenge, byte for byte. Meta says nothing about the content
 * type; an echo that a browser would take for HTML is a warning, since it lets others put markup on the service's origin.
 */
export async function shakeHands(
  callbackUrl: string,
  { verifyToken, challenge, timeoutMs, signal }: HandshakeTerms,
): Promise<Handshake> {
  const url = new URL(callbackUrl);
  url.searchParams.set('hub.mode', 'subscribe');
  url.searchParams.set('hub.challenge', challenge);
  url.searchParams.set('hub.verify_token', verifyToken);
  const startedAt = performance.now();
  const refused = (reason: string): Handshake => ({
    ok: false,
    ms: Math.round(performance.now() - startedAt),
    message: REFUSED,
    reason,
  });
  let answer: HttpAnswer;
  try {
    const headers = { Accept: '*/*', 'User-Agent': 'facebookexternalua' };
    answer = await exchange({ method: 'GET', url: url.href, headers, timeoutMs, signal });
  } catch (error) {
    return refused(`no answer: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (answer.status !== 200) return refused(`status ${answer.status} instead of 200`);
  if (answer.body !== challenge) return refused('the body is not exactly the challenge');
  const { contentType } = answer;
  return {
    ok: true,
    ms: Math.round(performance.now() - startedAt),
    ...(contentType === undefined ? {} : { contentType }),
    warnings: contentType?.startsWith('text/plain')
      ? []
      : [
          `The challenge is echoed as ${contentType ?? 'no content type'}; text/plain keeps it from being run as markup.`,
        ],
  };
}
