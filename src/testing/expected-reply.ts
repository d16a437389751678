import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject } from '../simulator/json.ts';
import { listRowsOf, replyButtonsOf } from '../simulator/screen.ts';
import type { OutboundRecord } from '../simulator/world.ts';
import type { Conversation } from './conversation.ts';
import { type Duration, milliseconds } from './duration.ts';
import { textOf } from './message-line.ts';

/** What the bot answered to, for `within` and `times`. */
export interface Turn {
  readonly startedAtMs: number;
  /** All replies to it so far. */
  readonly replies: readonly OutboundRecord[];
}

/**
 * One message of the bot, checked piece by piece: `t.expectReply().text(/hello/i).buttons('track', 'agent')`. Every check
 * throws node:assert's `AssertionError` with the conversation in its message.
 */
export class ExpectedReply {
  readonly #record: OutboundRecord;
  readonly #conversation: Conversation;
  readonly #turn: Turn;

  constructor(record: OutboundRecord, conversation: Conversation, turn: Turn) {
    this.#record = record;
    this.#conversation = conversation;
    this.#turn = turn;
  }

  /** What went to the Graph API, in Meta's words. */
  get request(): JsonObject {
    return this.#record.request;
  }

  /** wamid, as Meta gave it. */
  get id(): string {
    return this.#record.wamid;
  }

  /** The body or the caption: exactly this text, or one in which the regular expression finds something. */
  text(expected: string | RegExp): this {
    const actual = textOf(this.#record.type, this.request);
    if (!fits(actual, expected)) this.#fail(this.text, 'text', expected, actual);
    return this;
  }

  /** Exactly these reply buttons, in this order, each by its id or its title. */
  buttons(...expected: readonly string[]): this {
    const actual = replyButtonsOf(this.request);
    if (!areChosenBy(actual, expected)) this.#fail(this.buttons, 'buttons', expected, actual);
    return this;
  }

  /** A list of exactly these rows over all its sections, in this order, each by its id or its title. */
  list(...expected: readonly string[]): this {
    const actual = listRowsOf(this.request);
    if (!areChosenBy(actual, expected)) this.#fail(this.list, 'a list', expected, actual);
    return this;
  }

  /** An image, from this link if one is given. */
  image(link?: string | RegExp): this {
    return this.#linked('image', link, this.image);
  }

  /** A template of this name, in this language if one is given. */
  template(name: string, language?: string): this {
    const content = this.#content('template', this.template);
    const code = isObject(content['language']) ? content['language']['code'] : undefined;
    const expected = { name, language: language ?? code };
    const actual = { name: content['name'], language: code };
    if (!isDeepStrictEqual(actual, expected)) this.#fail(this.template, 'the template', expected, actual);
    return this;
  }

  /** A message of this type of Meta's, e.g. `location`, `document`, `interactive`. */
  type(expected: string): this {
    this.#content(expected, this.type);
    return this;
  }

  /** It quotes a message that the customer sent with this text. */
  quoting(expected: string | RegExp): this {
    const context = this.request['context'];
    const id = isObject(context) ? context['message_id'] : undefined;
    const quoted = this.#conversation.records.find(({ wamid }) => wamid === id);
    const actual = quoted?.direction === 'inbound' ? textOf(quoted.type, quoted.message) : undefined;
    if (!fits(actual, expected)) this.#fail(this.quoting, 'a quotation of', expected, actual);
    return this;
  }

  /** It came in this time after what the customer did last. */
  within(limit: Duration): this {
    const tookMs = this.#record.atMs - this.#turn.startedAtMs;
    if (tookMs > milliseconds(limit)) this.#fail(this.within, 'within', limit, `${tookMs}ms`);
    return this;
  }

  /** The bot has sent so many messages since what the customer did last. */
  times(expected: number): this {
    const actual = this.#turn.replies.length;
    if (actual !== expected) this.#fail(this.times, 'messages in all:', expected, actual);
    return this;
  }

  #linked(type: string, expected: string | RegExp | undefined, check: (...args: never[]) => unknown): this {
    const { link } = this.#content(type, check);
    if (expected !== undefined && !fits(link, expected)) this.#fail(check, `${type} from`, expected, link);
    return this;
  }

  #content(type: string, check: (...args: never[]) => unknown): JsonObject {
    const content = this.request[type];
    if (this.#record.type === type) return isObject(content) ? content : {};
    return this.#fail(check, 'a message of the type', type, this.#record.type);
  }

  #fail(check: (...args: never[]) => unknown, what: string, wanted: unknown, actual: unknown): never {
    const expected = `${what} ${shown(wanted)}`;
    const message = `The reply is not as expected: ${expected}, but it is ${shown(actual)}`;
    throw this.#conversation.failure({ message, expected, at: this.#record, actual, wanted }, check);
  }
}

function fits(actual: unknown, expected: string | RegExp): boolean {
  if (typeof actual !== 'string') return false;
  return typeof expected === 'string' ? actual === expected : new RegExp(expected).test(actual);
}

function areChosenBy(choices: readonly { readonly id: string; readonly title: string }[], names: readonly string[]) {
  return (
    choices.length > 0 &&
    choices.length === names.length &&
    choices.every(({ id, title }, index) => names[index] === id || names[index] === title)
  );
}

function shown(value: unknown): string {
  return value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? 'missing');
}
