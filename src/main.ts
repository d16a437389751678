import { readConfig } from './config.ts';
import { describeProblems } from './config-problem.ts';
import { describeUnexpected, isWahookError } from './core/errors.ts';
import { readEnvironment } from './environment.ts';
import { warningsAboutBot, withBot } from './sample-bot.ts';
import { type RunningService, startService } from './service.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Stops the service in order and then ends the process: once, whatever asks for it. */
class Ending {
  /** Undefined as long as it starts: nothing was accepted yet, so nothing needs to be finished. */
  service: RunningService | undefined;
  #exitCode = 0;
  #begun = false;

  /** The last moment of the process. Who ended it if not we? A bot: then an exit code of 0 would tell the supervisor to let it be. */
  exiting(exitCode: number): void {
    if (this.#begun || exitCode !== 0) return;
    this.service?.log.error('The bot ended the process; what ran will run again', {});
    process.exitCode = EXIT_FAILED;
  }

  /** The first signal; a second one is from somebody who does not want to wait any more. */
  signalled(): void {
    if (this.#begun) process.exit(EXIT_FAILED);
    void this.#end();
  }

  /** Something happened after which the service cannot go on: the supervisor shall start it anew. */
  failed(error: unknown): void {
    this.#exitCode = EXIT_FAILED;
    const reason = isWahookError(error) ? { error: error.message } : describeUnexpected(error);
    this.service?.log.error('The service cannot go on', reason);
    if (!this.#begun) void this.#end();
  }

  async #end(): Promise<never> {
    this.#begun = true;
    await this.service?.stop().catch((error: unknown) => this.failed(error));
    process.exit(this.#exitCode);
  }
}

/** The production entry: environment → service → wait for a signal → stop. */
async function main(): Promise<void> {
  const result = readConfig(withBot(readEnvironment(process.env)));
  if ('problems' in result) return refuse(EXIT_USAGE, describeProblems(result.problems));
  const { config } = result;
  const warnings = [...result.warnings, ...warningsAboutBot(config)];
  if (warnings.length > 0) process.stderr.write(`${describeProblems(warnings)}\n`);

  const ending = new Ending();
  process.on('SIGTERM', () => ending.signalled());
  process.on('SIGINT', () => ending.signalled());
  process.on('SIGHUP', () => void ending.service?.reload().catch((error: unknown) => ending.failed(error)));
  const service = await startService(config, { onFatal: (error) => ending.failed(error) }).catch(notStarted);
  ending.service = service;
  // A bug, ours or the bot's, has left the process in an unknown state; what runs may still finish.
  process.on('unhandledRejection', (error) => ending.failed(error));
  process.on('uncaughtException', (error) => ending.failed(error));
  process.on('exit', (exitCode) => ending.exiting(exitCode));

  const { url, metricsUrl, log } = service;
  log.info('Listening', { url, metricsUrl, role: config.role, store: config.store.kind, pid: process.pid });
  await service.prepared.then(
    () => log.info('Ready', { url }),
    () => {},
  );
}

function notStarted(error: unknown): never {
  if (!isWahookError(error)) throw error;
  return refuse(isWahookError(error, 'invalid_bot', 'invalid_config') ? EXIT_USAGE : EXIT_FAILED, error.message);
}

function refuse(exitCode: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

await main();
