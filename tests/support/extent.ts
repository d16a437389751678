/**
 * How much the tests of faults do: `npm test` sees each fault once or a few times; `npm run test:faults` (FAULTS=long) often
 * enough to measure, which is where the figures of docs/reliability.md come from.
 */
export const isLong = process.env['FAULTS'] === 'long';

export function rounds(short: number, long: number): number {
  return isLong ? long : short;
}

/** For a run of another size than `npm run test:faults` has: the number in this variable, else `usual`. */
export function sizeOf(variable: string, usual: number): number {
  return Number(process.env[variable] ?? usual);
}

/**
 * The bar for a time, which the long form holds. `npm test` runs on machines that are busy with something else, where a slow
 * answer proves nothing: there it is four times as much, enough to notice what hangs.
 */
export function barMs(ms: number): number {
  return isLong ? ms : 4 * ms;
}

/** A figure for docs/reliability.md; only the long form measures enough to print it. */
export function report(what: string, figure: string): void {
  if (isLong) process.stdout.write(`      ▸ ${what}: ${figure}\n`);
}

/** What CI may not leave out. */
export const isCi = process.env['CI'] !== undefined && process.env['CI'] !== '';
