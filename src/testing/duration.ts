const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `10s`, `5m`, `25h`, `7d`, or milliseconds as a number. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** @throws TypeError for anything else */
export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number' && duration >= 0) return duration;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined)
    throw new TypeError(`${JSON.stringify(duration)} is no duration: write '10s', '5m', '25h' …`);
  return Number(amount) * unitMs;
}
