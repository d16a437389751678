import { existsSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { type Config, readConfig } from '../config.ts';
import { describeProblems } from '../config-problem.ts';
import { type Composition, compose } from '../container.ts';
import { isWahookError } from '../core/errors.ts';
import { EXIT } from './exit-codes.ts';
import { databaseProblem } from './verify-setup.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Nobody should need Meta's secrets to look into a database: settings that a command for the store alone does not use. */
const UNUSED: Environment = {
  WHATSAPP_PHONE_NUMBER_ID: '000000000000000',
  WHATSAPP_ACCESS_TOKEN: 'unused-unused-unused',
  WHATSAPP_VERIFY_TOKEN: 'unused-unused',
  WHATSAPP_WEBHOOK_SECRET: '00000000000000000000000000000000',
};

/** Why a command cannot look into the store, for a person, and the exit code. */
export interface Refusal {
  readonly exitCode: number;
  readonly message: string;
}

/**
 * Opens the store that the service uses with this environment: Postgres at DATABASE_URL, or the embedded one in DATA_DIR
 * while nobody else has it open. Makes no database and migrates none: that is the service's. Close the composition.
 */
export async function openStore(env: Environment): Promise<Composition | Refusal> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value));
  const result = readConfig({ ...UNUSED, ...given });
  if ('problems' in result) return { exitCode: EXIT.usage, message: describeProblems(result.problems) };
  const { config } = result;
  const missing = missingStore(config);
  if (missing !== undefined) return missing;
  const composition = compose({ ...config, log: { ...config.log, level: 'error' } }, packageJson.version);
  const refusal = await prepare(composition).catch((error: unknown) => {
    if (!isWahookError(error)) throw error;
    const exitCode = isWahookError(error, 'already_running') ? EXIT.alreadyRunning : EXIT.unreachable;
    return { exitCode, message: error.message };
  });
  if (refusal === undefined) return composition;
  await composition.close();
  return refusal;
}

function missingStore({ store }: Config): Refusal | undefined {
  if (store.kind === 'memory')
    return {
      exitCode: EXIT.usage,
      message: 'STORE=memory keeps everything inside of the service, where no command can look.',
    };
  if (store.kind === 'pglite' && !existsSync(store.directory))
    return {
      exitCode: EXIT.failed,
      message: `There is no database in ${store.directory}.\n  Fix  Set DATABASE_URL, or DATA_DIR to the folder in which the service ran.`,
    };
  return undefined;
}

async function prepare(composition: Composition): Promise<Refusal | undefined> {
  const store = await composition.store();
  const { needed } = await store.probe();
  const problem = databaseProblem(needed);
  if (problem !== undefined)
    return {
      exitCode: needed['storage'] === 'unavailable' ? EXIT.unreachable : EXIT.failed,
      message: `${problem.what}\n  Why  ${problem.why}\n  Fix  ${problem.fix}`,
    };
  if (needed['schema'] !== 'ok')
    return {
      exitCode: EXIT.failed,
      message: 'The database was not prepared by this version.\n  Fix  Start the service of this version once.',
    };
  await store.prepare();
  return undefined;
}
