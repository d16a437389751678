import type { Router } from 'express';
import packageJson from '../package.json' with { type: 'json' };
import type { Bot } from './bot/bot.ts';
import { BotHandler } from './bot/bot-handler.ts';
import { readConfig } from './config.ts';
import { describeProblems } from './config-problem.ts';
import { compose } from './container.ts';
import { WahookError } from './core/errors.ts';
import { Admission } from './http/admission.ts';
import { createRouter } from './http/app.ts';
import { openParts, type Parts, probe, receivingOptions, Service } from './service.ts';

export interface WahookOptions {
  /**
   * The settings by their names, as in `.env.example`; `process.env` for those of the process. PORT, HOST and METRICS_PORT mean
   * nothing here: the app listens.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Instead of the file that BOT names. */
  readonly bot?: Bot;
  /** Told once if the service can never work: the database is of a newer version, say. Without it that is only logged. */
  readonly onFatal?: (error: unknown) => void;
}

/** The service in an app of somebody else. Handles no signal and never ends the process; both are the app's. */
export interface Wahook {
  /**
   * `/webhook/whatsapp` and, with API_TOKEN, `/api/messages`, under whatever path the app puts it. Before `express.json()` and anything
   * else that reads bodies, since signatures are over bytes. What comes before `start` waits; after `stop` it
   * answers 503, and Meta repeats.
   */
  readonly router: Router;
  /** Prepares the store and begins to work. Resolves when all is ready, which may take as long as the database is down. */
  start(): Promise<void>;
  /** Takes nothing new, finishes what runs, closes everything; within SHUTDOWN_TIMEOUT. Close the app's server first or after. */
  stop(): Promise<void>;
  /** What `/ready` shows. */
  ready(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, string>> }>;
  /** Prometheus' text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/**
 * Makes the service for an Express app that exists. Opens nothing before `start`, but loads the bot.
 *
 * @throws WahookError `invalid_config` (all problems at once, no value), `invalid_bot`
 */
export async function createWahook({ env, bot, onFatal }: WahookOptions): Promise<Wahook> {
  const result = readConfig(env);
  if ('problems' in result) throw new WahookError('invalid_config', describeProblems(result.problems));
  const { config } = result;
  const composition = compose(config, packageJson.version, bot && { eventHandler: new BotHandler(bot) });
  const admission = new Admission();
  let parts: Parts | undefined;
  let service: Service | undefined;
  let stopped: Promise<void> | undefined;
  const { log, metrics } = composition;
  if (config.role !== 'web') await composition.worker();
  const receiving = config.role === 'worker' ? {} : await receivingOptions(config, composition);
  return {
    router: createRouter({ log, admission, ...receiving }),
    start: async () => {
      parts ??= { ...(await openParts(config, composition)), admission };
      service ??= new Service(config, composition, parts, [], onFatal ?? ((error) => logFatal(log, error)));
      await service.prepared;
    },
    stop: async () => {
      admission.close();
      stopped ??= service === undefined ? composition.close() : service.stop();
      await stopped;
    },
    ready: async () => {
      if (parts === undefined) return { ready: false, checks: { start: 'not_started' } };
      return await probe(config, parts.store, parts.state.prepared);
    },
    metrics: () => metrics.render(),
  };
}

function logFatal(log: { error(message: string, fields: { error: string }): void }, error: unknown): void {
  log.error('The service cannot go on', { error: error instanceof Error ? error.message : typeof error });
}
