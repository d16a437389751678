import { parseArgs } from 'node:util';
import { type Config, readConfig } from '../config.ts';
import { describeProblems } from '../config-problem.ts';
import { readEnvironment } from '../environment.ts';
import { withBot } from '../sample-bot.ts';
import { argumentProblem } from './argument-problem.ts';
import { readDevState } from './dev-state.ts';
import { EXIT } from './exit-codes.ts';
import { type Check, printCheck } from './verification.ts';
import { checkService } from './verify-service.ts';
import { checkSetup } from './verify-setup.ts';

const USAGE = `Checks a set-up: settings, bot, database and Redis from here, then the running service with a handshake and with
good and bad signatures. It loads the bot's file and changes nothing.

  npm run verify
  npm run verify -- --url https://bot.example.com     the service elsewhere than at HOST and PORT

Without settings in the environment it looks at the development server of this folder.
Exit code 0: all well; 2: the arguments make no sense; 3: problems found.
`;

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings to look at, and where the service runs. */
async function target(
  env: Environment,
  url: string | undefined,
): Promise<{ env: Environment; url: string | undefined }> {
  const dev = env['WHATSAPP_WEBHOOK_SECRET'] ? undefined : await readDevState(env['DATA_DIR'] || '.wahook');
  if (dev === undefined) return { env, url };
  console.log(`Looking at the development server (pid ${dev.pid})\n`);
  return { env: { ...env, ...dev.environment }, url: url ?? dev.url };
}

function urlOf({ http: { host, port } }: Config): string {
  return `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`;
}

async function verify(env: Environment, givenUrl: string | undefined): Promise<number> {
  const looked = await target(env, givenUrl);
  const result = readConfig(withBot(looked.env));
  const findings = 'problems' in result ? result.problems : result.warnings;
  if (findings.length > 0) console.log(`${describeProblems(findings)}\n`);
  if ('problems' in result) {
    console.log('The rest can be checked once the settings are right.');
    return EXIT.problems;
  }
  const { config } = result;
  const url = (looked.url ?? urlOf(config)).replace(/\/$/, '');
  const settings: Check = { title: 'settings', outcome: 'pass', detail: 'all variables are well-formed' };
  const checks = [settings, ...(await checkSetup(config)), ...(await checkService(config, url))];
  for (const check of checks) printCheck(check);
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  console.log(`\n${failed} failed, ${checks.filter(({ outcome }) => outcome === 'pass').length} passed`);
  return failed === 0 ? EXIT.done : EXIT.problems;
}

interface Request {
  readonly url: string | undefined;
  readonly help: boolean;
}

/** What is wrong with the arguments, if anything. */
function readRequest(args: readonly string[]): Request | string {
  const options = { url: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } as const;
  try {
    const { url, help } = parseArgs({ args: [...args], options }).values;
    if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      return '--url needs an address that begins with http:// or https://.';
    return { url, help };
  } catch (error) {
    return argumentProblem(error);
  }
}

async function run(args: readonly string[]): Promise<number> {
  const request = readRequest(args);
  if (typeof request === 'string') {
    console.error(`${request}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (!request.help) return await verify(readEnvironment(process.env), request.url);
  console.log(USAGE);
  return EXIT.done;
}

// Not by itself: the bot's file was loaded, and may hold a timer or a connection open.
process.exit(await run(process.argv.slice(2)));
