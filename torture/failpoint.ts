import { GraphGateway } from '../src/adapters/meta/graph-gateway.ts';
import { HmacSignatureVerifier } from '../src/adapters/meta/hmac-signature-verifier.ts';
import { LaneScheduler } from '../src/adapters/postgres/lane-scheduler.ts';
import { PostgresSentMessages } from '../src/adapters/postgres/postgres-sent-messages.ts';
import { BotHandler } from '../src/bot/bot-handler.ts';
import { Admission } from '../src/http/admission.ts';
import {
  afterAnswer,
  afterCommitOf,
  afterStatement,
  around,
  beforeAnswer,
  beforeCommitOf,
  beforeStatement,
  commitWrittenOf,
  onBytes,
  onGraphAnswer,
  onHeaders,
  type Reach,
  statementWritten,
} from './failpoint-hooks.ts';

/** A row that `events-accept` gives back: the key of a status begins so. */
const isStatus = (row: object): boolean => 'event_key' in row && String(row.event_key).startsWith('s|');

/** A place in the way of a message at which a process can be made to die. */
export interface Failpoint {
  readonly name: string;
  readonly role: 'web' | 'worker';
  /** Of the way: S1 is the first byte of a webhook, S7 its 200, S8 the fetch by a worker, S15 the status of the reply. */
  readonly step: `S${number}`;
  /** What has happened when the process gets there, and what has not. */
  readonly state: string;
  /** Has `reach` called each time the process gets there. Once a process, before the service starts. */
  readonly install: (reach: Reach) => void;
}

const RECEIVING = [
  {
    ...{ name: 'bytes-arrived', role: 'web', step: 'S1' },
    state: 'Bytes of a webhook have arrived; its headers are not parsed.',
    install: onBytes,
  },
  {
    ...{ name: 'headers-read', role: 'web', step: 'S1' },
    state: 'The headers of a webhook are read; its body is not.',
    install: onHeaders,
  },
  {
    ...{ name: 'body-half-read', role: 'web', step: 'S1' },
    state: 'A part of the body has arrived; it is not known whether it is all of it.',
    install: (reach) =>
      around(Admission, 'hold', (hold, ...args) => {
        reach();
        return hold(...args);
      }),
  },
  {
    ...{ name: 'verified', role: 'web', step: 'S2' },
    state: 'The signature is good; nothing is decoded or stored.',
    install: (reach) =>
      around(HmacSignatureVerifier, 'verify', (verify, ...args) => {
        const good = verify(...args);
        if (good) reach();
        return good;
      }),
  },
  {
    ...{ name: 'decoded', role: 'web', step: 'S3' },
    state: 'The elements of the webhook wait for a commit; the statement that stores them is not written.',
    install: (reach) => beforeStatement('events-accept', reach),
  },
  {
    ...{ name: 'accept-written', role: 'web', step: 'S4' },
    state: 'The statement is written, which is a transaction of its own; whether it happened nobody has read.',
    install: (reach) => statementWritten('events-accept', reach),
  },
  {
    ...{ name: 'accepted', role: 'web', step: 'S5' },
    state: 'Keys and events are committed; no worker is woken, no 200 is written.',
    install: (reach) => afterStatement('events-accept', reach, { withRows: true }),
  },
  {
    ...{ name: 'statuses-accepted', role: 'web', step: 'S15' },
    state: 'The statuses of replies are committed; no worker is woken, no 200 is written.',
    install: (reach) => afterStatement('events-accept', reach, { withRows: true, whose: isStatus }),
  },
  {
    ...{ name: 'before-200', role: 'web', step: 'S6' },
    state: 'The use case has said 200; nothing of it is written.',
    install: beforeAnswer,
  },
  {
    ...{ name: 'after-200', role: 'web', step: 'S7' },
    state: 'The 200 is written; Meta will never deliver this webhook again.',
    install: afterAnswer,
  },
] as const satisfies readonly Failpoint[];

const HANDLING = [
  {
    ...{ name: 'lane-fetched', role: 'worker', step: 'S8' },
    state: 'A conversation is this worker’s; no message of it is claimed.',
    install: (reach) =>
      around(LaneScheduler, 'fetch', async (fetch, queue, limit) => {
        const claims = await fetch(queue, limit);
        if (queue === 'messages' && claims.length > 0) reach();
        return claims;
      }),
  },
  {
    ...{ name: 'message-claimed', role: 'worker', step: 'S8' },
    state: 'A message is claimed, and that is committed; its handler has not begun.',
    install: (reach) => afterStatement('messages-claim', reach, { withRows: true }),
  },
  {
    ...{ name: 'before-reply', role: 'worker', step: 'S9' },
    state: 'The handler is about to make its first reply.',
    install: (reach) => onReply('before', reach),
  },
  {
    ...{ name: 'between-replies', role: 'worker', step: 'S9' },
    state: 'The handler has made its first reply and is not done; nothing of it is stored.',
    install: (reach) => onReply('after', reach),
  },
  {
    ...{ name: 'handled', role: 'worker', step: 'S10' },
    state: 'The handler is done; the transaction of its effects has not begun.',
    install: (reach) =>
      around(BotHandler, 'handle', async (handle, event, run) => {
        await handle(event, run);
        if (event.kind === 'message') reach();
      }),
  },
  {
    ...{ name: 'before-outbox', role: 'worker', step: 'S10' },
    state: 'The claim is confirmed in the transaction of the effects; no reply is in the outbox.',
    install: (reach) => beforeStatement('outbound-insert', reach),
  },
  {
    ...{ name: 'after-outbox', role: 'worker', step: 'S10' },
    state: 'The replies are in the outbox; the message is not settled, and nothing is committed.',
    install: (reach) => afterStatement('outbound-insert', reach),
  },
  {
    ...{ name: 'message-settled', role: 'worker', step: 'S10' },
    state: 'All effects are written; COMMIT is not.',
    install: (reach) => beforeCommitOf('messages-settle', reach),
  },
  {
    ...{ name: 'effects-commit-written', role: 'worker', step: 'S11' },
    state: 'COMMIT of the effects is written; whether it happened nobody has read.',
    install: (reach) => commitWrittenOf('messages-settle', reach),
  },
  {
    ...{ name: 'effects-committed', role: 'worker', step: 'S11' },
    state: 'The effects are committed; nobody is woken to send the replies.',
    install: (reach) => afterCommitOf('messages-settle', reach),
  },
] as const satisfies readonly Failpoint[];

const SENDING = [
  {
    ...{ name: 'send-claimed', role: 'worker', step: 'S12' },
    state: 'A reply is claimed; nothing of the request to Meta is written.',
    install: (reach) =>
      around(GraphGateway, 'send', async (send, ...args) => {
        reach();
        return send(...args);
      }),
  },
  {
    ...{ name: 'posted', role: 'worker', step: 'S13' },
    state: 'Meta has answered the request; what it says is not read.',
    install: onGraphAnswer,
  },
  {
    ...{ name: 'send-answered', role: 'worker', step: 'S14' },
    state: 'Meta’s answer is read: it has the message; the reply is not settled.',
    install: (reach) =>
      around(GraphGateway, 'send', async (send, ...args) => {
        const result = await send(...args);
        if (result.kind === 'sent') reach();
        return result;
      }),
  },
  {
    ...{ name: 'send-settled', role: 'worker', step: 'S14' },
    state: 'The reply is settled with its wamid; COMMIT is not written.',
    install: (reach) => beforeCommitOf('outbound-settle', reach),
  },
  {
    ...{ name: 'send-commit-written', role: 'worker', step: 'S14' },
    state: 'COMMIT of the settled reply is written; whether it happened nobody has read.',
    install: (reach) => commitWrittenOf('outbound-settle', reach),
  },
  {
    ...{ name: 'status-claimed', role: 'worker', step: 'S15' },
    state: 'Statuses are claimed; none is applied.',
    install: (reach) => afterStatement('statuses-claim', reach, { withRows: true }),
  },
  {
    ...{ name: 'status-applied', role: 'worker', step: 'S15' },
    state: 'Statuses are applied to their replies; they are not settled themselves.',
    install: (reach) =>
      around(PostgresSentMessages, 'apply', async (apply, updates) => {
        const unknown = await apply(updates);
        if (updates.length > 0) reach();
        return unknown;
      }),
  },
  {
    ...{ name: 'status-settled', role: 'worker', step: 'S15' },
    state: 'Statuses are applied and settled; COMMIT is not written.',
    install: (reach) => beforeCommitOf('statuses-settle', reach),
  },
  {
    ...{ name: 'status-commit-written', role: 'worker', step: 'S15' },
    state: 'COMMIT of settled statuses is written; whether it happened nobody has read.',
    install: (reach) => commitWrittenOf('statuses-settle', reach),
  },
] as const satisfies readonly Failpoint[];

const ALL = [...RECEIVING, ...HANDLING, ...SENDING] as const;

export type FailpointName = (typeof ALL)[number]['name'];

/** In the order of the way of a message. */
export const FAILPOINTS: readonly (Failpoint & { readonly name: FailpointName })[] = ALL;

/** Before or after the first reply of a handler, of which the queue knows nothing yet. */
function onReply(when: 'before' | 'after', reach: Reach): void {
  around(BotHandler, 'handle', (handle, event, run) => {
    let replies = 0;
    return handle(event, {
      ...run,
      send: (message) => {
        replies += 1;
        if (when === 'before' && replies === 1) reach();
        run.send(message);
        if (when === 'after' && replies === 1) reach();
      },
    });
  });
}
