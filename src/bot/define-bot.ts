import { WahookError } from '../core/errors.ts';
import type { BurstTurn } from '../core/ports/bot.ts';
import type { Bot } from './bot.ts';
import { BotBuilder } from './bot-builder.ts';

export interface BotOptions {
  /**
   * `burst`: what a customer writes in quick succession is handled in one run (`ctx.messages`); default `message`: each by
   * itself.
   */
  readonly turn?: 'message' | 'burst';
  /** In bursts: so long after the last message the customer is thought to have finished. Default 1500. */
  readonly quietMs?: number;
  /** In bursts: no message waits longer for later ones. Default 10,000. */
  readonly maxMs?: number;
  /** In bursts: so many come together at most, 2 to 50. Default 20. */
  readonly maxMessages?: number;
}

export interface SessionOptions<State> {
  readonly session: {
    /** The state of a conversation that has none yet. Called anew each time: its result is changed. */
    readonly initial: () => State;
  };
}

type Define<State> = (bot: BotBuilder<State>) => void;

/**
 * Makes a bot out of its handlers; `define` runs once, right away.
 *
 * @throws WahookError `invalid_bot`
 */
export function defineBot<State = unknown>(define: Define<State | undefined>): Bot;
export function defineBot<State>(options: BotOptions & SessionOptions<State>, define: Define<State>): Bot;
export function defineBot<State = unknown>(options: BotOptions, define: Define<State | undefined>): Bot;
export function defineBot(...given: readonly unknown[]): Bot {
  const [options, define] = given.length > 1 ? given : [{}, ...given];
  if (typeof define !== 'function') throw invalid('defineBot needs a function: defineBot((bot) => { … })');
  const { session, ...turn } = options as BotOptions & Partial<SessionOptions<unknown>>;
  const initialSession: unknown = session === undefined ? () => undefined : session.initial;
  if (typeof initialSession !== 'function') throw invalid('session.initial is not a function');
  const builder = new BotBuilder<never>();
  const returned: unknown = define(builder);
  const bot = builder.build({ initialSession: initialSession as () => unknown, turn: turnOf(turn) });
  if (returned instanceof Promise) {
    // Its rejection, if any, is beside the point from here on.
    returned.catch(() => undefined);
    throw invalid('the function given to defineBot is async: await outside of it, at the top of the file');
  }
  return bot;
}

function turnOf({
  turn = 'message',
  quietMs = 1_500,
  maxMs = 10_000,
  maxMessages = 20,
}: BotOptions): BurstTurn | undefined {
  if (turn === 'message') return undefined;
  if (turn !== 'burst') throw invalid(`turn is ${JSON.stringify(turn)}; known are message and burst`);
  if (!(quietMs > 0 && quietMs <= maxMs && maxMs <= 300_000))
    throw invalid('a burst needs 0 < quietMs ≤ maxMs ≤ 300,000 (5 minutes)');
  if (!(Number.isInteger(maxMessages) && maxMessages >= 2 && maxMessages <= 50))
    throw invalid('maxMessages of a burst is a whole number from 2 to 50');
  return { quietMs, maxMs, maxMessages };
}

function invalid(problem: string): WahookError {
  return new WahookError('invalid_bot', problem);
}
