import { WahookError } from '../core/errors.ts';

/** Milliseconds, or a number with its unit: `500ms`, `60s`, `10m`, `2h`, `1d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer than anything that somebody waits for; a larger number is a mistake of units. */
const MOST_MS = 30 * 86_400_000;

/** @throws WahookError `invalid_bot` if it is none, or not between 0 and 30 days */
export function durationMs(duration: Duration, what: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? [];
  const ms = typeof duration === 'number' ? duration : Number(number) * (UNITS[unit] ?? Number.NaN);
  if (ms >= 0 && ms <= MOST_MS) return Math.round(ms);
  throw new WahookError(
    'invalid_bot',
    `${what} is a number of milliseconds or a text like 500ms, 60s, 10m, 2h, 1d (0 to 30 days)`,
  );
}
