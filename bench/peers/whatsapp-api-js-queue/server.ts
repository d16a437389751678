/**
 * whatsapp-api-js with its Express middleware, as in ../whatsapp-api-js, in front of pg-boss: the handler, which the library awaits
 * before it answers, stores the message with one `send`. The rest is as in ../pg-boss-defaults.
 */
import express from 'express';
import { PgBoss } from 'pg-boss';
import { WhatsAppAPI } from 'whatsapp-api-js/middleware/express';
import { NodeNext } from 'whatsapp-api-js/setup/node';
import { handle } from '../bot.ts';
import { readSettings, required } from '../settings.ts';
import { BODY_LIMIT_BYTES, type ReceivedMessage } from '../webhook.ts';

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

const whatsapp = new WhatsAppAPI(
  NodeNext({
    token: settings.accessToken,
    appSecret: settings.appSecret,
    v: new URL(settings.apiUrl).pathname.slice(1),
  }),
);

whatsapp.on.message = async ({ phoneID, message }) => {
  await boss.send(QUEUE, { phoneNumberId: phoneID, message });
};

const app = express();

app.get('/ready', (_request, response) => {
  response.sendStatus(200);
});

app.post('/webhook/whatsapp', express.text({ type: '*/*', limit: BODY_LIMIT_BYTES }), async (request, response) => {
  response.sendStatus(await whatsapp.handle_post(request));
});

const server = app.listen(settings.port, settings.host);

process.on('SIGTERM', () => {
  server.close(async () => {
    await boss.stop();
    process.exit(0);
  });
});
