/**
 * How long to wait after the `attempt`-th failure (1 is the first): `baseMs`, `growth` times as long each time, at most `maxMs`, of which
 * the upper half is left to chance so that many failures of one moment do not come back at one moment.
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: number, growth = 2): number {
  const full = Math.min(maxMs, baseMs * growth ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}
