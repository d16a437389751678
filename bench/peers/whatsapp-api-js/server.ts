/**
 * whatsapp-api-js with its Express middleware, as its README, ENVIRONMENTS.md ("Node 19 and above") and the docstring of
 * `handle_post` show it. The handler awaits `reply` inside of the request, as in the README. The library reads the first message
 * of a webhook, stores nothing and knows no duplicates; its limit of a body is Meta's 3 MiB, which it advises not to raise.
 * It has no setting for the address of the Graph API, so the `fetch` that one may give it puts in ours.
 */
import express from 'express';
import { Text } from 'whatsapp-api-js/messages';
import { WhatsAppAPI } from 'whatsapp-api-js/middleware/express';
import { NodeNext } from 'whatsapp-api-js/setup/node';
import { answersTo, fetchInTime } from '../bot.ts';
import { readSettings } from '../settings.ts';
import { BODY_LIMIT_BYTES, type InboundMessage } from '../webhook.ts';

const settings = readSettings();
const { origin, pathname } = new URL(settings.apiUrl);

const whatsapp = new WhatsAppAPI(
  NodeNext({
    token: settings.accessToken,
    appSecret: settings.appSecret,
    v: pathname.slice(1),
    ponyfill: {
      fetch: (url, init) => fetchInTime(String(url).replace('https://graph.facebook.com', origin), init),
    },
  }),
);

whatsapp.on.message = async ({ message, reply }) => {
  for (const answer of await answersTo(message as InboundMessage)) await reply(new Text(answer));
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
  server.close(() => process.exit(0));
});
