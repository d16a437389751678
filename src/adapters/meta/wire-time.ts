/** WhatsApp's first year: an earlier timestamp is a mistake. */
const EARLIEST_SECONDS = Date.UTC(2009, 0, 1) / 1000;
/** Later than anything real, and early enough to catch milliseconds given for seconds. */
const LATEST_SECONDS = Date.UTC(2100, 0, 1) / 1000;

/**
 * A timestamp of Meta's as whole seconds since 1970, or undefined if there is none that can be true. Meta writes them as
 * text in messages and statuses, as numbers in account fields, and not always so.
 */
export function secondsOf(timestamp: unknown): number | undefined {
  const seconds = typeof timestamp === 'string' && /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : timestamp;
  if (typeof seconds !== 'number' || !(seconds >= EARLIEST_SECONDS && seconds < LATEST_SECONDS)) return undefined;
  return Math.floor(seconds);
}

export function msOf(timestamp: unknown): number | undefined {
  const seconds = secondsOf(timestamp);
  return seconds === undefined ? undefined : seconds * 1000;
}
