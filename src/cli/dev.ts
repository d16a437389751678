import packageJson from '../../package.json' with { type: 'json' };
import { readConfig } from '../config.ts';
import { describeProblems } from '../config-problem.ts';
import { isWahookError } from '../core/errors.ts';
import { type RunningService, startService } from '../service.ts';
import { createSimulator, type Simulator } from '../simulator/simulator.ts';
import { readDevState, removeDevState, writeDevState } from './dev-state.ts';
import { EXIT } from './exit-codes.ts';

/** A port that is taken is no reason to stop a developer; this many next ones are tried. */
const PORTS_TO_TRY = 20;

const SIMULATOR_PORT = 3001;

type Environment = Readonly<Record<string, string | undefined>>;

/** Service, local Meta and embedded database in one process, with made-up settings: nothing leaves this machine. */
async function dev(given: Environment): Promise<void> {
  const startedAtMs = performance.now();
  const dataDir = given['DATA_DIR'] || '.wahook';
  const other = await readDevState(dataDir);
  if (other !== undefined)
    return refuse(
      EXIT.alreadyRunning,
      `A development server of this folder is running already (pid ${other.pid}, ${other.url}).\n  Fix  Use it, or stop it first.`,
    );
  const simulator = await startSimulator(Number(given['SIM_PORT'] || SIMULATOR_PORT));
  // A database is used only if it is asked for by name: one that happens to be in the environment may be the real one.
  const environment = { ...given, STORE: given['STORE'] || 'pglite', ...simulator.env, NODE_ENV: 'development' };
  const result = readConfig(environment);
  if ('problems' in result) return refuse(EXIT.usage, describeProblems(result.problems));
  const { config } = result;

  const service = await startService(config, { portsToTry: PORTS_TO_TRY, onFatal: failed }).catch(failed);
  endOnSignal(service, simulator, dataDir);
  await service.prepared;
  const webhookUrl = `${service.url}/webhook/whatsapp`;
  const handshake = await simulator.subscribe(webhookUrl);
  if (!handshake.ok) return refuse(EXIT.failed, `The webhook handshake failed: ${handshake.reason}`);
  const made = { ...simulator.env, STORE: config.store.kind, BOT: config.bot, DATA_DIR: dataDir };
  await writeDevState(dataDir, {
    pid: process.pid,
    url: service.url,
    simulatorUrl: simulator.url,
    environment: made,
  });

  const store = {
    pglite: `embedded Postgres (PGlite) in ${dataDir}/db`,
    memory: 'in memory: gone at the end',
    postgres: 'PostgreSQL at DATABASE_URL',
  }[config.store.kind];
  const wantedPort = config.http.port;
  const gotPort = Number(new URL(service.url).port);
  console.log(`
wahook ${packageJson.version} · development · everything runs on this machine, nothing leaves it

  bot         ${config.bot}
  store       ${store}
  webhook     ${webhookUrl}   handshake ok in ${Math.round(handshake.ms)} ms
  local Meta  ${simulator.url}
`);
  if (wantedPort !== 0 && gotPort !== wantedPort)
    console.log(`  Port ${wantedPort} is taken. Using ${gotPort}. Fix it with PORT=${gotPort}.\n`);
  console.log('  In a second terminal:  npm run trigger -- text "hi"          Ctrl-C stops everything.\n');
  console.log(`ready in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s url=${service.url}`);
}

async function startSimulator(port: number): Promise<Simulator> {
  for (let offset = 0; ; offset += 1) {
    try {
      return await createSimulator({ port: port === 0 ? 0 : port + offset });
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || offset + 1 >= PORTS_TO_TRY) throw error;
    }
  }
}

function endOnSignal(service: RunningService, simulator: Simulator, dataDir: string): void {
  let ending = false;
  const end = async () => {
    if (ending) process.exit(EXIT.failed);
    ending = true;
    await removeDevState(dataDir);
    await simulator.close();
    await service.stop();
    process.exit(EXIT.done);
  };
  process.on('SIGINT', () => void end());
  process.on('SIGTERM', () => void end());
}

function failed(error: unknown): never {
  if (!isWahookError(error)) throw error;
  return refuse(error.code === 'already_running' ? EXIT.alreadyRunning : EXIT.failed, error.message);
}

function refuse(exitCode: number, message: string): never {
  console.error(message);
  process.exit(exitCode);
}

await dev(process.env);
