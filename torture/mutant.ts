import type { ViolationCount } from './ledger.ts';
import type { MutantScenarioName } from './mutant-scenario.ts';
import { HANDLING_MUTANTS } from './mutants-of-handling.ts';
import { RECEIVING_MUTANTS } from './mutants-of-receiving.ts';
import { SENDING_MUTANTS } from './mutants-of-sending.ts';

/** A build of the service that is broken on purpose in one place, as somebody in good faith could have written it. */
export interface Mutant {
  readonly name: string;
  /** What it does wrong, in a sentence. */
  readonly flaw: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What shows it soonest. */
  readonly scenario: MutantScenarioName;
  /** The counts that its flaw raises. That another one is raised, e.g. because the machine is busy, does not catch it. */
  readonly shows: readonly ViolationCount[];
}

export const MUTANTS: readonly Mutant[] = [...RECEIVING_MUTANTS, ...HANDLING_MUTANTS, ...SENDING_MUTANTS];

/** @throws Error if the mutant does not fit this source any more. */
export function mutate({ name, file, find, replace }: Mutant, source: string): string {
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`mutant ${name}: what it replaces stands ${places} times in ${file}`);
  // A function: `$` means nothing in a replacement then.
  return source.replace(find, () => replace);
}

/** @throws Error with the names of all, if there is none with this one */
export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found === undefined)
    throw new Error(`There is no mutant ${name}. There are ${MUTANTS.map((one) => one.name).join(', ')}`);
  return found;
}
