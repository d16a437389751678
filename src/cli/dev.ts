import packageJson from '../../package.json' with { type: 'json' };
import { HotBot } from '../bot/hot-bot.ts';
import { shownPath } from '../bot/load-bot.ts';
import { type Config, readConfig } from '../config.ts';
import { describeProblems } from '../config-problem.ts';
import { isWahookError } from '../core/errors.ts';
import { readEnvironment } from '../environment.ts';
import { OWN_BOT, SAMPLE_BOT, withBot } from '../sample-bot.ts';
import { type RunningService, startService } from '../service.ts';
import { createSimulator, type Simulator } from '../simulator/simulator.ts';
import { readDevState, removeDevState, writeDevState } from './dev-state.ts';
import { EnvFileWatch } from './env-file-watch.ts';
import { EXIT } from './exit-codes.ts';
import { HotReload } from './hot-reload.ts';

/** A port that is taken is no reason to stop a developer; this many are tried, one after the other. */
const PORTS_TO_TRY = 20;

const SIMULATOR_PORT = '3001';

type Environment = Readonly<Record<string, string | undefined>>;

/** Service, local Meta and embedded database in one process, with made-up settings: nothing leaves this machine. */
async function dev(given: Environment): Promise<void> {
  const dataDir = given['DATA_DIR'] || '.wahook';
  const other = await readDevState(dataDir);
  if (other !== undefined)
    return refuse(
      EXIT.alreadyRunning,
      `A development server of this folder is running already (pid ${other.pid}, ${other.url}).\n  Fix  Use it, or stop it first.`,
    );
  const ending = new Ending();
  const simulator = await startSimulator(given['SIM_PORT'] || SIMULATOR_PORT);
  ending.willClose(() => simulator.close());
  const environment = { ...storesOf(withBot(given)), ...simulator.env, NODE_ENV: 'development' };
  const result = readConfig(environment);
  if ('problems' in result) return refuse(EXIT.usage, describeProblems(result.problems));
  const { config } = result;

  const bot = config.remoteHandler ? undefined : await HotBot.open(config.bot).catch(failed);
  ending.willClose(async () => bot?.close());
  const start = { portsToTry: PORTS_TO_TRY, onFatal: failed, ...(bot && { bot }) };
  const service = await startService(config, start).catch(failed);
  ending.willClose(() => service.stop());
  await service.prepared.catch(() => {});
  const handshake = await simulator.subscribe(webhookUrlOf(service));
  if (ending.hasBegun) return;
  if (!handshake.ok) return refuse(EXIT.failed, `The webhook handshake failed: ${handshake.reason}`);
  const made = { ...simulator.env, STORE: config.store.kind, BOT: config.bot, DATA_DIR: dataDir };
  const { url } = service;
  ending.willClose(() => removeDevState(dataDir));
  await writeDevState(dataDir, { pid: process.pid, url, simulatorUrl: simulator.url, environment: made });
  announce(config, service, simulator, handshake.ms);
  watchFiles(bot, ending);
  // Since the start of the process, which is what a person waits for.
  console.log(`ready in ${(performance.now() / 1000).toFixed(1)} s url=${url}`);
}

/** A saved file of the bot's folder is live without a restart; one of `.env` is not. */
function watchFiles(bot: HotBot | undefined, ending: Ending): void {
  const reload = bot && new HotReload(bot, (text) => console.log(text));
  const settings = new EnvFileWatch((names) => {
    const which = names.length === 1 ? `${names[0]} has` : `${names.join(', ')} have`;
    console.log(`${which} changed in .env: restart needed (Ctrl-C, then npm run dev).`);
  });
  ending.willClose(async () => {
    reload?.close();
    settings.close();
  });
}

/** In `.env` these are about the real service: its stores, its part in it, and where the other commands look for this one. */
const NOT_FROM_FILE = ['STORE', 'DATABASE_URL', 'REDIS_URL', 'ROLE', 'DATA_DIR'];

/** What `.env` says counts too, within reason. */
function developmentSettings(env: Environment): Environment {
  const fromFile = Object.entries(readEnvironment({})).filter(([name]) => !NOT_FROM_FILE.includes(name));
  return { ...Object.fromEntries(fromFile), ...env };
}

/**
 * The environment with its database and Redis only if STORE asks for them: those that happen to be in there may be the real
 * ones.
 */
function storesOf(given: Environment): Environment {
  const { STORE, DATABASE_URL, REDIS_URL, ...rest } = given;
  if (!STORE) return { ...rest, STORE: 'pglite' };
  return { ...rest, STORE, DATABASE_URL, REDIS_URL };
}

/** What Ctrl-C does, from the first moment: closes what was opened, the last first. A second one ends at once. */
class Ending {
  readonly #closers: (() => Promise<void>)[] = [];
  hasBegun = false;

  constructor() {
    process.on('SIGINT', () => void this.#end());
    process.on('SIGTERM', () => void this.#end());
    process.on('unhandledRejection', (error) => this.#failed(error));
    process.on('uncaughtException', (error) => this.#failed(error));
  }

  willClose(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** As in production; here the whole error helps, and nobody else reads it. */
  #failed(error: unknown): void {
    console.error('An error that nobody caught ends the server: a promise without await in the bot, mostly.\n', error);
    if (!this.hasBegun) void this.#end(EXIT.failed);
  }

  async #end(exitCode: number = EXIT.done): Promise<never> {
    if (this.hasBegun) process.exit(EXIT.failed);
    this.hasBegun = true;
    for (const close of this.#closers.toReversed()) await close();
    process.exit(exitCode);
  }
}

/** On the first free port from the given one up; `0`: on any. */
async function startSimulator(wanted: string): Promise<Simulator> {
  const first = Number(wanted);
  if (!/^\d{1,5}$/.test(wanted) || first > 65_535)
    return refuse(
      EXIT.usage,
      '✗ SIM_PORT is not a whole number from 0 to 65535\n  Fix  Leave it out, or use a free port.',
    );
  const last = first === 0 ? 0 : Math.min(first + PORTS_TO_TRY - 1, 65_535);
  for (let port = first; port <= last; port += 1) {
    try {
      return await createSimulator({ port });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
  return refuse(
    EXIT.failed,
    `The local Meta needs a port, and ${first} to ${last} are taken.\n  Fix  Choose another one, e.g. SIM_PORT=0 for any.`,
  );
}

function webhookUrlOf(service: RunningService): string {
  return `${service.url}/webhook/whatsapp`;
}

function announce(config: Config, service: RunningService, simulator: Simulator, handshakeMs: number): void {
  const { store, http, dataDirectory } = config;
  const where = {
    pglite: `embedded Postgres (PGlite) in ${dataDirectory}/db`,
    memory: 'in memory: gone at the end',
    postgres: 'PostgreSQL at DATABASE_URL',
  }[store.kind];
  console.log(`
wahook ${packageJson.version} · development · everything runs on this machine, nothing leaves it

  bot         ${shownBot(config)}
  store       ${where}
  webhook     ${webhookUrlOf(service)}   handshake ok in ${Math.round(handshakeMs)} ms
  local Meta  ${simulator.url}
`);
  const port = Number(new URL(service.url).port);
  if (http.port !== 0 && http.port !== port)
    console.log(`  Port ${http.port} is taken. Using ${port}. Fix it with PORT=${port}.\n`);
  console.log('  In a second terminal:  npm run trigger -- text "hi"          Ctrl-C stops everything.\n');
}

function shownBot({ bot, remoteHandler }: Config): string {
  if (remoteHandler) return 'the program at HANDLER_URL';
  return bot === SAMPLE_BOT ? `${shownPath(bot)}, an example; yours is ${OWN_BOT}, or what BOT names` : bot;
}

function failed(error: unknown): never {
  if (!isWahookError(error)) throw error;
  const isSetting = isWahookError(error, 'invalid_bot', 'invalid_config');
  const exitCode = isSetting ? EXIT.usage : EXIT.failed;
  return refuse(isWahookError(error, 'already_running') ? EXIT.alreadyRunning : exitCode, error.message);
}

function refuse(exitCode: number, message: string): never {
  console.error(message);
  process.exit(exitCode);
}

await dev(developmentSettings(process.env));
