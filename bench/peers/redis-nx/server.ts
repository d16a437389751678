/**
 * The receiver that most guides show: verify, claim each message id in Redis with SET NX EX, enqueue, answer 200.
 * The claim follows the usual guides to idempotent WhatsApp webhooks (a day, as in most of them). The queue follows BullMQ's own
 * guide (docs.bullmq.io): "Going to production" (fail fast when adding, listen for errors, close the worker on SIGTERM),
 * "Retrying failing jobs" (3 attempts, exponential from 1 s), "Workers: Concurrency" (50) and "Auto-removal of jobs".
 */
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { handle } from '../bot.ts';
import { readSettings, required } from '../settings.ts';
import { BODY_LIMIT_BYTES, isSigned, messagesOf, type ReceivedMessage } from '../webhook.ts';

const QUEUE = 'inbound-messages';
const CLAIM_SECONDS = 24 * 60 * 60;

const settings = readSettings();
const redisUrl = required('REDIS_URL');
const log = (error: Error) => console.error(error.message);

const redis = new Redis(redisUrl);
const queue = new Queue<ReceivedMessage>(QUEUE, {
  connection: { url: redisUrl, enableOfflineQueue: false },
  defaultJobOptions: {
    attempts: 3,
    backoff: { type: 'exponential', delay: 1_000 },
    removeOnComplete: { age: 3_600, count: 1_000 },
    removeOnFail: { age: 24 * 3_600 },
  },
});
const worker = new Worker<ReceivedMessage>(QUEUE, (job) => handle(job.data, settings), {
  connection: { url: redisUrl },
  concurrency: 50,
  autorun: !settings.receiveOnly,
});
redis.on('error', log);
queue.on('error', log);
worker.on('error', log);

const app = express();

app.get('/ready', (_request, response) => {
  response.sendStatus(redis.status === 'ready' && (settings.receiveOnly || worker.isRunning()) ? 200 : 503);
});

app.post('/webhook/whatsapp', express.raw({ type: '*/*', limit: BODY_LIMIT_BYTES }), async (request, response) => {
  if (!isSigned(request.body, request.get('x-hub-signature-256'), settings.appSecret)) {
    response.sendStatus(401);
    return;
  }
  for (const received of messagesOf(request.body)) {
    const claimed = await redis.set(`processed:${received.message.id}`, '1', 'EX', CLAIM_SECONDS, 'NX');
    if (claimed === 'OK') await queue.add('message', received);
  }
  response.sendStatus(200);
});

const server = app.listen(settings.port, settings.host);

process.on('SIGTERM', () => {
  server.close(async () => {
    await worker.close();
    await queue.close();
    await redis.quit();
    process.exit(0);
  });
});
