import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { Composition } from '../container.ts';
import { isWahookError } from '../core/errors.ts';
import { readEnvironment } from '../environment.ts';
import { argumentProblem } from './argument-problem.ts';
import { EXIT } from './exit-codes.ts';
import { openStore } from './open-store.ts';

/** One sentence about arguments that make no sense. */
export interface Wrong {
  readonly wrong: string;
}

export type ValuesOf<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>['values'];

/** A command that looks into the store of the service, beside it or while it is stopped. */
export interface StoreCommand<Options extends ParseArgsOptionsConfig, Request extends object> {
  readonly usage: string;
  /** All but `help`. */
  readonly options: Options;
  /** What the options and the words beside them ask for. */
  readonly read: (values: ValuesOf<Options>, words: readonly string[]) => Request | Wrong;
  /** Resolves to the exit code. @throws WahookError where the store fails */
  readonly obey: (request: Request, store: Composition) => Promise<number>;
}

/** Arguments → request → open the store → obey → close it; sets the exit code of this process. */
export async function runStoreCommand<Options extends ParseArgsOptionsConfig, Request extends object>(
  command: StoreCommand<Options, Request>,
): Promise<void> {
  process.exitCode = await exitCodeOf(command, process.argv.slice(2));
}

async function exitCodeOf<Options extends ParseArgsOptionsConfig, Request extends object>(
  command: StoreCommand<Options, Request>,
  args: readonly string[],
): Promise<number> {
  const { usage, obey } = command;
  const request = requestIn(command, args);
  if (request === 'help') {
    console.log(usage);
    return EXIT.done;
  }
  if ('wrong' in request) return refuse(EXIT.usage, `${request.wrong}\n\n${usage}`);
  const store = await openStore(readEnvironment(process.env));
  if ('message' in store) return refuse(store.exitCode, store.message);
  try {
    return await obey(request, store);
  } catch (error) {
    if (!isWahookError(error, 'storage_unavailable')) throw error;
    return refuse(EXIT.unreachable, `${error.message}\n  Fix  ${AGAIN}`);
  } finally {
    await store.close();
  }
}

const AGAIN = 'Run the same again: what was done before this stays done, and nothing happens twice.';

/** `help` if the arguments ask for it, whatever else they say. */
export function requestIn<Options extends ParseArgsOptionsConfig, Request extends object>(
  { options, read }: Pick<StoreCommand<Options, Request>, 'options' | 'read'>,
  args: readonly string[],
): Request | Wrong | 'help' {
  if (args.includes('--help') || args.includes('-h')) return 'help';
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return read(values as ValuesOf<Options>, positionals);
  } catch (error) {
    return { wrong: argumentProblem(error) };
  }
}

/** Says why not. Resolves to the exit code, to be returned. */
export function refuse(exitCode: number, message: string): number {
  console.error(message);
  return exitCode;
}
