/**
 * - `invalid` the request to the simulator makes no sense; the message says why
 * - `unknown_customer` nobody of that id; the message lists who there is
 * - `nothing_to_tap` the button is not on the customer's screen; the message lists what is
 * - `no_webhook_url` nobody to deliver to yet
 * - `timeout` what was waited for did not come in time; the message says what came instead
 * - `given_up` the webhook was refused as often as the retry schedule allows
 * - `closed` the simulator was closed or reset meanwhile
 */
export type SimulatorErrorCode =
  | 'invalid'
  | 'unknown_customer'
  | 'nothing_to_tap'
  | 'no_webhook_url'
  | 'timeout'
  | 'given_up'
  | 'closed';

/** What the simulator throws at those who drive it; never what it answers to the service under test. */
export class SimulatorError extends Error {
  readonly code: SimulatorErrorCode;

  constructor(code: SimulatorErrorCode, message: string) {
    super(message);
    this.name = 'SimulatorError';
    this.code = code;
  }
}
