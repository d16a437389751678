/**
 * Express as lean as it gets: raw body, signature and parse, a 200 of its own; nothing is validated and nothing stored. The ceiling
 * of whatever receives webhooks through Express in one process. Not a part of wahook.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { SETTINGS } from './webhooks.ts';

const app = express();
app.disable('x-powered-by');
app.set('etag', false);

app.post('/webhook/whatsapp', express.raw({ type: '*/*', limit: '4mb' }), (request, response) => {
  const digest = createHmac('sha256', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(request.body).digest();
  const claimed = Buffer.from(request.get('x-hub-signature-256')?.slice('sha256='.length) ?? '', 'hex');
  const isSigned = claimed.length === digest.length && timingSafeEqual(claimed, digest);
  if (isSigned) JSON.parse(request.body.toString('utf8'));
  response.statusCode = isSigned ? 200 : 401;
  response.end();
});

const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ message: 'Ready', url: `http://127.0.0.1:${port}` }));
});
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
