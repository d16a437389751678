/**
 * BullMQ by itself: the message's id is the job's id, and "adding a job with an id that exists is ignored". Follows its guide
 * (docs.bullmq.io): "Job Ids", "Adding jobs in bulk", "Going to production", "Retrying failing jobs" (3 attempts, exponential from
 * 1 s), "Workers: Concurrency" (50). Completed jobs stay, which is the default: "a job that has been removed … will not affect
 * any future jobs that could have the same id".
 */
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { handle } from '../bot.ts';
import { readSettings, required } from '../settings.ts';
import { BODY_LIMIT_BYTES, isSigned, messagesOf, type ReceivedMessage } from '../webhook.ts';

const QUEUE = 'inbound-messages';

const settings = readSettings();
const redisUrl = required('REDIS_URL');
const log = (error: Error) => console.error(error.message);

const queue = new Queue<ReceivedMessage>(QUEUE, {
  connection: { url: redisUrl, enableOfflineQueue: false },
  defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 1_000 } },
});
const worker = new Worker<ReceivedMessage>(QUEUE, (job) => handle(job.data, settings), {
  connection: { url: redisUrl },
  concurrency: 50,
  autorun: !settings.receiveOnly,
});
queue.on('error', log);
worker.on('error', log);

const app = express();

app.get('/ready', async (_request, response) => {
  await queue.waitUntilReady();
  response.sendStatus(settings.receiveOnly || worker.isRunning() ? 200 : 503);
});

app.post('/webhook/whatsapp', express.raw({ type: '*/*', limit: BODY_LIMIT_BYTES }), async (request, response) => {
  if (!isSigned(request.body, request.get('x-hub-signature-256'), settings.appSecret)) {
    response.sendStatus(401);
    return;
  }
  await queue.addBulk(
    messagesOf(request.body).map((data) => ({ name: 'message', data, opts: { jobId: data.message.id } })),
  );
  response.sendStatus(200);
});

const server = app.listen(settings.port, settings.host);

process.on('SIGTERM', () => {
  server.close(async () => {
    await worker.close();
    await queue.close();
    process.exit(0);
  });
});
