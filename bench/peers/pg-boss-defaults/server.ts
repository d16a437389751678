/**
 * pg-boss as its README and its pages "Jobs", "Workers" and "Operations" (pgboss.io) show it: start, createQueue, one send per
 * message, work, stop on SIGTERM. Everything that decides what is lost or repeated has its default: retries, delay, expiry,
 * policy, no key. Only the pace does not: one job every 2 s, the default of work(), would take hours for a run of some thousand
 * messages, so there are more workers that look more often, by two documented options of work().
 */
import express from 'express';
import { PgBoss } from 'pg-boss';
import { handle } from '../bot.ts';
import { readSettings, required } from '../settings.ts';
import { BODY_LIMIT_BYTES, isSigned, messagesOf, type ReceivedMessage } from '../webhook.ts';

const QUEUE = 'inbound-messages';
const PACE = { localConcurrency: 50, pollingIntervalSeconds: 0.5 };

const settings = readSettings();

const boss = new PgBoss(required('DATABASE_URL'));
boss.on('error', (error) => console.error(error.message));
await boss.start();
await boss.createQueue(QUEUE);
if (!settings.receiveOnly)
  await boss.work<ReceivedMessage>(QUEUE, PACE, async ([job]) => {
    if (job) await handle(job.data, settings);
  });

const app = express();

app.get('/ready', async (_request, response) => {
  response.sendStatus((await boss.isInstalled()) ? 200 : 503);
});

app.post('/webhook/whatsapp', express.raw({ type: '*/*', limit: BODY_LIMIT_BYTES }), async (request, response) => {
  if (!isSigned(request.body, request.get('x-hub-signature-256'), settings.appSecret)) {
    response.sendStatus(401);
    return;
  }
  for (const received of messagesOf(request.body)) await boss.send(QUEUE, received);
  response.sendStatus(200);
});

const server = app.listen(settings.port, settings.host);

process.on('SIGTERM', () => {
  server.close(async () => {
    await boss.stop();
    process.exit(0);
  });
});
