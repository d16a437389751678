/**
 * Fastify with Graphile Worker as a library, as worker.graphile.org shows it: "Library" (concurrency and pollInterval of its
 * quickstart), "addJob()", "Job key" (the message's id as the key, in its default mode, `replace`; null is an error, as the
 * caveats ask for) and "Running jobs" (runner.stop()). Attempts and backoff have their defaults. The raw body and the closing
 * follow Fastify's pages "ContentTypeParser" and "Server: close".
 */
import Fastify from 'fastify';
import { makeWorkerUtils, run, type WorkerUtils } from 'graphile-worker';
import { handle } from '../bot.ts';
import { readSettings, required } from '../settings.ts';
import { BODY_LIMIT_BYTES, isSigned, messagesOf, type ReceivedMessage } from '../webhook.ts';

const TASK = 'handle-message';

const settings = readSettings();

const connectionString = required('DATABASE_URL');

const startRunner = () =>
  run({
    connectionString,
    concurrency: 5,
    pollInterval: 1_000,
    noHandleSignals: true,
    taskList: { [TASK]: (payload) => handle(payload as ReceivedMessage, settings) },
  });

/** What "makeWorkerUtils()" is for: adding jobs where none are run. */
const startUtils = async (): Promise<WorkerUtils> => {
  const utils = await makeWorkerUtils({ connectionString });
  await utils.migrate();
  return utils;
};

const runner = settings.receiveOnly ? undefined : await startRunner();
const { addJob } = runner ?? (await startUtils());

const app = Fastify({ bodyLimit: BODY_LIMIT_BYTES });

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

app.get('/ready', (_request, reply) => reply.code(200).send());

app.post<{ Body: Buffer }>('/webhook/whatsapp', async ({ body, headers }, reply) => {
  const signature = headers['x-hub-signature-256'];
  if (!isSigned(body, String(signature), settings.appSecret)) return reply.code(401).send();
  for (const received of messagesOf(body)) {
    const job = await addJob(TASK, received, { jobKey: `${TASK}:${received.message.id}` });
    if (job === null) throw new Error('the job was not added');
  }
  return reply.code(200).send();
});

await app.listen({ host: settings.host, port: settings.port });

process.on('SIGTERM', async () => {
  await app.close();
  if (runner === undefined) process.exit(0);
  await runner.stop();
});

// The worker ends when it is stopped, or when it gives up; without one the process is of no use.
if (runner !== undefined) {
  await runner.promise;
  process.exit(0);
}
