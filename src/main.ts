import { readConfig } from './config.ts';
import { describeProblems } from './config-problem.ts';
import { isWahookError } from './core/errors.ts';
import { readEnvironment } from './environment.ts';
import { type RunningService, startService } from './service.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The production entry: environment → service → wait for a signal → stop. A second signal ends the process at once. */
async function main(): Promise<void> {
  const result = readConfig(readEnvironment(process.env));
  if ('problems' in result) {
    process.stderr.write(`${describeProblems(result.problems)}\n`);
    process.exit(EXIT_USAGE);
  }
  const { config, warnings } = result;
  if (warnings.length > 0) process.stderr.write(`${describeProblems(warnings)}\n`);
  const service = await startService(config, { onFatal: (error) => void end(error) }).catch(refuse);
  const { role, store } = config;
  service.log.info('Listening', { url: service.url, role, store: store.kind, pid: process.pid });

  let stopping = false;
  async function end(error?: unknown): Promise<void> {
    if (stopping) process.exit(EXIT_FAILED);
    stopping = true;
    if (error !== undefined) service.log.error('The service cannot go on', { error: wordsOf(error) });
    await service.stop();
    process.exit(error === undefined ? 0 : EXIT_FAILED);
  }
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());
  // A bug, ours or the bot's, has left the process in an unknown state: finish what runs and let the supervisor start anew.
  process.on('unhandledRejection', (error) => void end(error));
  process.on('uncaughtException', (error) => void end(error));

  await service.prepared.then(
    () => service.log.info('Ready', { url: service.url }),
    () => {},
  );
}

function refuse(error: unknown): Promise<RunningService> {
  if (!isWahookError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error.code === 'invalid_bot' || error.code === 'invalid_config' ? EXIT_USAGE : EXIT_FAILED);
}

/** Messages of our own errors hold no content; of others we know nothing. */
function wordsOf(error: unknown): string {
  if (isWahookError(error)) return error.message;
  return error instanceof Error ? error.name : typeof error;
}

await main();
