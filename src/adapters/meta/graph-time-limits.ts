/** In milliseconds. */
export interface GraphTimeLimits {
  /** For one connection, TLS included. */
  readonly connectMs: number;
  /** Pause before the second try to connect, doubled before the third; chance adds up to as much again. */
  readonly reconnectDelayMs: number;
  /** From the start of one try to the end of its answer. */
  readonly answerMs: number;
  /** For one send in all: connecting, connecting again, reading the answer. */
  readonly totalMs: number;
  /** How long an unused connection is kept. */
  readonly idleMs: number;
}
