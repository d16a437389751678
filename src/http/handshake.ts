import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Log } from '../core/ports/observation.ts';
import { RefusalLog } from '../core/refusal-log.ts';
import { answerEmpty, answerText } from './answer.ts';

/** Meta sends digits today and calls them "a random string"; nothing that a browser could run gets through. */
const CHALLENGE = /^[A-Za-z0-9_.-]{1,256}$/;

/**
 * Answers the request by which Meta checks a callback URL: `hub.mode`, `hub.verify_token` and `hub.challenge` in the query;
 * 200 with the challenge as plain text if mode and token are right, else 403 without a word.
 */
export function handshake(verifyToken: string, log: Log): RequestHandler {
  const expected = digest(verifyToken);
  const refusals = new RefusalLog(log, Date, 'Webhook verifications are refused');
  return (request, response) => {
    const query = request.query;
    const mode = query['hub.mode'];
    const token = query['hub.verify_token'];
    const challenge = query['hub.challenge'];
    // Compared as digests: of one length whatever came, in constant time.
    const tokenMatches = typeof token === 'string' && timingSafeEqual(digest(token), expected);
    const challengeIsPlain = typeof challenge === 'string' && CHALLENGE.test(challenge);
    if (mode === 'subscribe' && tokenMatches && challengeIsPlain) {
      log.info('Meta verified this webhook');
      answerText(response, 200, 'text/plain; charset=utf-8', challenge);
      return;
    }
    refusals.note(tokenMatches ? 'modeOrChallenge' : 'token');
    answerEmpty(response, 403);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
