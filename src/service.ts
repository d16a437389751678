import { setTimeout as delay } from 'node:timers/promises';
import packageJson from '../package.json' with { type: 'json' };
import type { Config } from './config.ts';
import { type Composition, compose } from './container.ts';
import type { StoreLifecycle } from './container-tokens.ts';
import { isWahookError, WahookError } from './core/errors.ts';
import type { EventHandler } from './core/ports/bot.ts';
import type { Log } from './core/ports/observation.ts';
import type { Worker } from './core/worker.ts';
import { Admission } from './http/admission.ts';
import type { ApiRoutesOptions } from './http/api-routes.ts';
import { type AppOptions, createApp } from './http/app.ts';
import type { MetricsPage } from './http/health-routes.ts';
import { type HttpServer, listen } from './http/http-server.ts';
import { messageClassesOf } from './http/message-classes.ts';
import { CachedReadiness, type Readiness } from './http/readiness.ts';
import { type StopTimes, stopTimes, TIME_LIMITS } from './time-limits.ts';

const MAINTENANCE_MS = 3_600_000;

export interface StartOptions {
  /** If the port is taken, the next free one of this many is used. */
  readonly portsToTry?: number;
  /** Runs in place of the bot that the configuration names; `/ready` says so while it is broken. */
  readonly bot?: EventHandler & { readonly isBroken: boolean };
  /** Told once if the service can never work: the database is of a newer version, say. Stop it then. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningService {
  readonly url: string;
  /** Of the listener that serves `/metrics`: `url`, unless metrics have a port of their own. */
  readonly metricsUrl: string;
  readonly log: Log;
  /** Resolves when the store is prepared and, unless the role is `web`, the worker works; it may be down for long before. */
  readonly prepared: Promise<void>;
  /** Reads the file NUMBERS anew; a broken one changes nothing. */
  reload(): Promise<void>;
  /**
   * Not ready, then no more webhooks, then no more jobs; running ones finish, in the time that `stopTimes` leaves them.
   * Resolves within the time limit of the configuration, whatever does not answer any more. Repeating it waits for the same
   * end.
   */
  stop(): Promise<void>;
}

/**
 * Starts everything that the role needs. Webhooks are answered at once, with 503 until the store is there: a database that
 * is down at the start is waited for, as later.
 *
 * @throws WahookError `invalid_bot`, `already_running` (the embedded database is open elsewhere), `cannot_listen`
 */
export async function startService(config: Config, options: StartOptions = {}): Promise<RunningService> {
  const { bot } = options;
  const composition = compose(config, packageJson.version, bot && { eventHandler: bot });
  try {
    const parts = await openParts(config, composition);
    const servers = await openServers(config, composition, parts, options);
    return new Service(config, composition, parts, servers, options.onFatal);
  } catch (error) {
    await composition.close();
    throw error;
  }
}

export interface Parts {
  readonly store: StoreLifecycle;
  readonly worker: Worker | undefined;
  readonly admission: Admission;
  readonly state: { prepared: boolean };
}

export async function openParts(config: Config, composition: Composition): Promise<Parts> {
  // The bot first: whoever mistyped its path should not wait for a database to learn it.
  const worker = config.role === 'web' ? undefined : await composition.worker();
  return { store: await composition.store(), worker, admission: new Admission(), state: { prepared: false } };
}

/** The service's own; a second one serves metrics where they have a port of their own. None in an app of somebody else. */
type Servers = readonly [] | readonly [HttpServer] | readonly [HttpServer, HttpServer];

async function openServers(
  config: Config,
  composition: Composition,
  { store, admission, state }: Parts,
  { portsToTry = 1, bot }: StartOptions,
): Promise<Servers> {
  const { log, metrics } = composition;
  const limits = TIME_LIMITS.http;
  const metricsPage: MetricsPage = async () => {
    const { contentType, text } = await metrics.render();
    return { contentType, body: text };
  };
  const readiness = new CachedReadiness(async () => {
    const readiness = await probe(config, store, state.prepared);
    return bot === undefined ? readiness : withBot(readiness, bot.isBroken);
  }, TIME_LIMITS.readiness);
  const app = createApp({
    ...{ log, admission, readiness },
    ...(config.role !== 'worker' && (await receivingOptions(config, composition))),
    ...(config.metrics.where === 'main' && { metricsPage }),
  });
  const server = await listenOn(app, { ...config.http, ...{ admission, log, limits } }, portsToTry);
  if (config.metrics.where === 'main') return [server];
  const { host, port } = config.metrics;
  const metricsApp = createApp({ log, admission, metricsPage });
  try {
    return [server, await listenOn(metricsApp, { host, port, admission, log, limits, settings: 'METRICS_' }, 1)];
  } catch (error) {
    await server.stop(0);
    throw error;
  }
}

/** What the routes need that take something in. */
export async function receivingOptions(
  config: Config,
  composition: Composition,
): Promise<Pick<AppOptions, 'webhook' | 'api'>> {
  const { verifyToken } = config.whatsapp;
  const webhook = { receiver: await composition.receiveWebhook(), verifyToken, metrics: composition.metrics };
  return { webhook, api: await apiOf(config, composition) };
}

async function apiOf({ apiToken }: Config, composition: Composition): Promise<ApiRoutesOptions | undefined> {
  if (apiToken === undefined) return undefined;
  const [acceptSend, sentMessages] = [await composition.acceptSend(), await composition.sentMessages()];
  return {
    token: apiToken,
    read: (body) => composition.readSendRequest(body),
    accept: (request, key) => acceptSend.run(request, key),
    find: (sendId) => sentMessages.find(sendId),
  };
}

async function listenOn(
  app: ReturnType<typeof createApp>,
  options: Parameters<typeof listen>[1],
  portsToTry: number,
): Promise<HttpServer> {
  const result = await listen(app, { ...options, messages: messageClassesOf(app) });
  if (result.outcome === 'listening') return result.server;
  const { reason, what, why, fix } = result.refusal;
  if (reason === 'port_taken' && portsToTry > 1 && options.port > 0 && options.port < 65_535)
    return await listenOn(app, { ...options, port: options.port + 1 }, portsToTry - 1);
  throw new WahookError('cannot_listen', `${what}\n  Why  ${why}\n  Fix  ${fix}`);
}

export async function probe(config: Config, store: StoreLifecycle, prepared: boolean): Promise<Readiness> {
  const { needed, reported } = await store.probe();
  const counting = { ...needed, start: prepared ? 'ok' : 'preparing' };
  return {
    ready: Object.values(counting).every((word) => word === 'ok'),
    role: config.role,
    store: config.store.kind,
    durable: config.store.kind !== 'memory',
    checks: { ...counting, ...reported },
  };
}

/** A broken save is no reason to send nothing here: the version before it goes on. */
function withBot(readiness: Readiness, isBroken: boolean): Readiness {
  return { ...readiness, checks: { ...readiness.checks, bot: isBroken ? 'broken' : 'ok' } };
}

export class Service implements RunningService {
  readonly prepared: Promise<void>;
  readonly #config: Config;
  readonly #composition: Composition;
  readonly #parts: Parts;
  readonly #servers: Servers;
  readonly #stopping = new AbortController();
  #maintenance: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    config: Config,
    composition: Composition,
    parts: Parts,
    servers: Servers,
    onFatal: StartOptions['onFatal'],
  ) {
    this.#config = config;
    this.#composition = composition;
    this.#parts = parts;
    this.#servers = servers;
    this.prepared = this.#prepare();
    this.prepared.catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) onFatal?.(error);
    });
  }

  get url(): string {
    return this.#servers[0]?.url ?? '';
  }

  get metricsUrl(): string {
    return this.#servers[1]?.url ?? this.url;
  }

  get log(): Log {
    return this.#composition.log;
  }

  reload(): Promise<void> {
    return this.#composition.reloadNumbers();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #prepare(): Promise<void> {
    const { store, worker, state } = this.#parts;
    await this.#untilAvailable(() => store.prepare());
    await this.#untilAvailable(() => this.#warnOfUnsafeSettings());
    this.#stopping.signal.throwIfAborted();
    this.#maintenance = setInterval(() => void this.#maintain(), MAINTENANCE_MS);
    if (worker !== undefined) await this.#untilAvailable(() => this.#resumeRenewed());
    await this.#untilAvailable(async () => worker?.start());
    state.prepared = true;
  }

  async #warnOfUnsafeSettings(): Promise<void> {
    const settings = await this.#parts.store.unsafeSettings();
    if (settings.length > 0)
      this.log.warn('The database may lose acknowledged messages: switch these on', { settings });
  }

  /** Whoever starts the service with a new token wants it tried. */
  async #resumeRenewed(): Promise<void> {
    const resumed = await (await this.#composition.sendingNumbers()).resumeRenewed();
    if (resumed.length > 0) this.log.info('Numbers with a new access token send again', { numbers: resumed.length });
  }

  async #untilAvailable(step: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#stopping.signal.throwIfAborted();
        return await step();
      } catch (error) {
        if (!isWahookError(error, 'storage_unavailable')) throw error;
        if (attempt === 1) this.log.warn('The store is not available; trying again', { error: error.message });
        await delay(TIME_LIMITS.start.retryMs, undefined, { signal: this.#stopping.signal });
      }
    }
  }

  async #maintain(): Promise<void> {
    try {
      await this.#parts.store.maintain();
    } catch (error) {
      const reason = error instanceof Error ? error.message : typeof error;
      this.log.warn('Housekeeping failed; the next hour tries again', { error: reason });
    }
  }

  async #stop(): Promise<void> {
    const { shutdownTimeoutMs } = this.#config;
    const times = stopTimes(shutdownTimeoutMs, this.#config);
    const limit = delay(shutdownTimeoutMs - times.closeMs, 'late' as const, { ref: false });
    for (const server of this.#servers) server.drain();
    this.#stopping.abort();
    clearInterval(this.#maintenance);
    const ended = this.#finish(times).then(() => 'ended' as const);
    if ((await Promise.race([ended, limit])) === 'late')
      this.log.warn('Stopping took too long; what still runs will be run again', {});
    const closed = this.#composition.close().then(() => 'closed' as const);
    if ((await Promise.race([closed, delay(times.closeMs, 'late' as const, { ref: false })])) === 'late')
      this.log.warn('Not everything could be closed', {});
  }

  async #finish({ leaveMs, httpMs }: StopTimes): Promise<void> {
    if (leaveMs > 0) await delay(leaveMs);
    await Promise.all(this.#servers.map((server) => server.stop(httpMs)));
    await this.prepared.catch(() => {});
    await this.#parts.worker?.stop();
  }
}
