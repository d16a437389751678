import { arch, cpus, loadavg, platform } from 'node:os';

/** Of many measured times, in their unit. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** NaN for no values. */
export function spreadOf(values: Iterable<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) };
}

/** NaN for no values; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [lower, upper] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((lower ?? Number.NaN) + (upper ?? Number.NaN)) / 2;
}

/** Three digits that mean something: `0.041`, `7.12`, `83.4`, `12,345`. */
export function digits(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}

/** `7.12`, and of several measurements the range too: `7.12 (6.90–9.34)`. */
export function withRange(values: readonly number[], show: (value: number) => string = digits): string {
  const shown = show(median(values));
  return values.length < 2 ? shown : `${shown} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

/** A Markdown table, so that it can be pasted where it is talked about. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[title, ...rows.map((row) => row[column] ?? '')].map(width)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join(' | ')} |`;
  return [line(head), line(widths.map((count) => '-'.repeat(count))), ...rows.map(line)].join('\n');
}

function width(text: string): number {
  return [...text].length;
}

/** Above this the machine is doing something else as well. */
const BUSY_LOAD = 2;

/** What the figures were measured on, and whether it had time for it. */
export function machine(): string {
  const [cpu, ...others] = cpus();
  const [load = 0] = loadavg();
  const lines = [
    `${others.length + 1} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${platform()} ${arch()}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 16)} UTC`,
    `load average ${load.toFixed(1)}${load > BUSY_LOAD ? ': the machine is busy, so wait, or read the times as upper limits' : ''}`,
  ];
  return lines.join('\n');
}
