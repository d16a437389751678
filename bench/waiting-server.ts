/**
 * The way of a webhook up to the store, which never answers: so what waits stays, and can be weighed. Forked by bench/memory.ts with
 * `--expose-gc`; to each message it answers with the bytes that are in use.
 */
import { decodeWebhook } from '../src/adapters/meta/decode-webhook.ts';
import { HmacSignatureVerifier } from '../src/adapters/meta/hmac-signature-verifier.ts';
import { Intake } from '../src/core/intake.ts';
import type { EventStore, Quarantine } from '../src/core/ports/receiving.ts';
import { ReceiveWebhook } from '../src/core/receive-webhook.ts';
import { Admission } from '../src/http/admission.ts';
import { createApp } from '../src/http/app.ts';
import { listen } from '../src/http/http-server.ts';
import { messageClassesOf } from '../src/http/message-classes.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { silentLog } from '../tests/support/recording.ts';
import { noMetrics } from './messages.ts';
import { SETTINGS } from './webhooks.ts';

const { promise: never } = Promise.withResolvers<never>();
const store: EventStore = { store: () => never };
const intake = new Intake(store, {} as Quarantine, noMetrics, Date, {
  ...{ commitElements: 500, waitingElements: 50_000, waitMs: Number.POSITIVE_INFINITY },
});
const verifier = new HmacSignatureVerifier([SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
const receiver = new ReceiveWebhook(verifier, decodeWebhook, intake, Date, silentLog, 3_600_000);
const admission = new Admission();
const app = createApp({
  ...{ log: silentLog, admission, readiness: undefined, metricsPage: undefined, api: undefined },
  webhook: { receiver, metrics: noMetrics, verifyToken: SETTINGS.WHATSAPP_VERIFY_TOKEN },
});
const result = await listen(app, {
  ...{ host: '127.0.0.1', port: 0, admission, log: silentLog, limits: TIME_LIMITS.http },
  messages: messageClassesOf(app),
});
if (result.outcome === 'refused') throw new Error(result.refusal.what);

process.on('message', () => {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('start it with --expose-gc');
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ bytes: heapUsed + external, waiting: admission.waiting });
});
process.send?.({ url: result.server.url });
