/**
 * Everything that can go wrong in a way a caller can act on.
 *
 * - `invalid_config` a setting is missing or wrong; the message lists every problem, never a value
 * - `invalid_bot` the bot's file cannot be loaded or does not export a bot
 * - `invalid_message` an outbound message breaks a limit of Meta's; the message names the limit and the length
 * - `invalid_media` a file that Meta does not take, does not have any more, or that is too large; the same try fails again
 * - `media_unavailable` a file could not be sent or fetched this time; try again
 * - `templates_unavailable` Meta did not tell which templates an account has; try again
 * - `storage_unavailable` the store did not answer, is read-only or full: nothing was stored as far as we know; try again
 * - `overloaded` too much is waiting already; try again later
 * - `unstorable` the store refuses this very value and will refuse it again
 * - `schema_too_new` the database was migrated by a newer version of this service
 * - `already_running` another process holds what must be held by one
 * - `cannot_listen` the address or port cannot be had
 * - `handler_timeout` the bot did not finish in time
 * - `invalid_state` what a bot wants to keep is no JSON, cannot be stored or is too large; the message says where
 * - `fenced` the work was taken over by another worker; what was done here must not count
 */
export type ErrorCode =
  | 'invalid_config'
  | 'invalid_bot'
  | 'invalid_message'
  | 'invalid_state'
  | 'invalid_media'
  | 'media_unavailable'
  | 'templates_unavailable'
  | 'storage_unavailable'
  | 'overloaded'
  | 'unstorable'
  | 'schema_too_new'
  | 'already_running'
  | 'cannot_listen'
  | 'handler_timeout'
  | 'fenced';

/** The one error class of this service. `message` holds no secret, phone number or message text. */
export class WahookError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'WahookError';
    this.code = code;
  }
}

/** Thrown by a handler for what no repetition can mend: its event becomes a dead letter at once. */
export class PermanentError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'PermanentError';
  }
}

/** True for a `WahookError` with one of the given codes (any code if none is given). */
export function isWahookError(error: unknown, ...codes: readonly ErrorCode[]): error is WahookError {
  return error instanceof WahookError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * What may be logged of an error that is no `WahookError`: its name and its place. Its message may quote anything; that of a
 * `SyntaxError`, for one, quotes the text that could not be parsed.
 */
export function describeUnexpected(error: unknown): { readonly error: string; readonly at?: readonly string[] } {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { error: error.name, at: frames.slice(0, 5).map((line) => line.trim()) };
}
