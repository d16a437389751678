import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import type { Sender } from './sender.ts';
import { type Element, messageElement, together } from './webhook.ts';

export interface CustomersOptions {
  readonly messages: number;
  /** First sends of messages a second at most. */
  readonly rate: number;
  readonly random: Random;
  readonly sender: Sender;
  readonly ledger: Ledger;
  /** So many customers write in turns and never come to an end; if absent, each has a few messages, as fast as they are accepted. */
  readonly talkers?: number;
  /** As long as it is false, more than `messages` are sent. */
  readonly isEnough: () => boolean;
  /** Writes what nothing can be done with, beside the messages; none if absent. */
  readonly newPoison?: () => Element;
}

interface Conversation {
  readonly id: number;
  /** Messages that it will have in all. */
  readonly length: number;
  written: number;
}

const TICK_MS = 10;
/** Conversations with something still to say; a new one opens when nobody has anything to say. */
const MOST_OPEN = 400;
/**
 * Accepted and not answered: beyond it the receiver is behind, and customers wait. Not too low: a reply that was being sent when
 * its process died rightly waits for SETTLE_WAIT, and whatever follows in its conversation with it.
 */
const MOST_UNANSWERED = 2_000;
/** After so long without any answer what is unanswered is taken for lost, and as many again may be: customers go on writing. */
const PATIENCE_MS = 15_000;
/** Every so many messages a webhook full of first messages comes, as after a campaign. */
const BURST_EVERY = 1_500;
const FIRST_BURST = 300;
/** Every so many messages something comes with which nothing can be done; and one stands in the middle of each burst. */
const POISON_EVERY = 100;
/** So often a customer writes some messages at once; they come in one webhook, and their order in it is their order. */
const AT_ONCE = 0.1;
const MOST_AT_ONCE = 3;
/** Unused allowance that may be caught up on. */
const MOST_ALLOWANCE_S = 1;

/**
 * Customers who write several messages each, the next one only after the 200 for the one before, or a few in one webhook: so
 * their order is known.
 * A closed loop: how fast they write depends on how fast they are served, up to `rate`.
 */
export class Customers {
  readonly #options: CustomersOptions;
  readonly #ready: Conversation[] = [];
  readonly #timer: NodeJS.Timeout;
  #opened = 0;
  #open = 0;
  #written = 0;
  #nextBurst = FIRST_BURST;
  #allowance = 0;
  #tickedAt = performance.now();
  #handled = 0;
  #handledAt = performance.now();
  #mostUnanswered = MOST_UNANSWERED;

  constructor(options: CustomersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get isDone(): boolean {
    return this.#written >= this.#options.messages && this.#options.isEnough();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { newPoison, rate, sender } = this.#options;
    const now = performance.now();
    this.#allowance = Math.min(
      this.#allowance + (rate * (now - this.#tickedAt)) / 1_000,
      Math.max(1, rate * MOST_ALLOWANCE_S),
    );
    this.#tickedAt = now;
    while (this.#allowance >= 1 && !this.isDone && this.#isKeptUpWith) {
      if (this.#written >= this.#nextBurst) {
        this.#burst();
        continue;
      }
      const conversation = this.#nextConversation();
      if (conversation === undefined) return;
      const before = this.#written;
      sender.add(this.#writeSome(conversation));
      const isTurn = Math.floor(before / POISON_EVERY) < Math.floor(this.#written / POISON_EVERY);
      if (newPoison !== undefined && isTurn) sender.add(newPoison());
    }
  }

  get #isKeptUpWith(): boolean {
    const { ledger } = this.#options;
    const { handled } = ledger.counts;
    const now = performance.now();
    if (handled !== this.#handled) {
      this.#handled = handled;
      this.#handledAt = now;
    }
    if (ledger.unanswered < this.#mostUnanswered) return true;
    if (now - this.#handledAt < PATIENCE_MS) return false;
    this.#handledAt = now;
    this.#mostUnanswered += MOST_UNANSWERED;
    return true;
  }

  /** Up to 999 messages in one webhook, of as many new conversations. What it costs is saved up for afterwards. */
  #burst(): void {
    const { messages, newPoison, random, sender } = this.#options;
    const most = Math.min(999, Math.max(10, Math.floor(messages / 6)));
    const size = random.logInt(Math.min(100, most), most);
    this.#nextBurst += BURST_EVERY;
    const burst = Array.from({ length: size }, () => this.#write(this.#openConversation(random.int(1, 2))));
    if (newPoison !== undefined) burst.splice(Math.floor(size / 2), 0, newPoison());
    sender.addBatch(burst);
  }

  #nextConversation(): Conversation | undefined {
    const { random, talkers } = this.#options;
    if (talkers !== undefined && this.#opened < talkers) return this.#openConversation(Number.POSITIVE_INFINITY);
    const ready = this.#ready.shift();
    if (ready !== undefined || talkers !== undefined || this.#open >= MOST_OPEN) return ready;
    return this.#openConversation(random.logInt(1, 30));
  }

  #openConversation(length: number): Conversation {
    this.#open += 1;
    this.#opened += 1;
    return { id: this.#opened - 1, length, written: 0 };
  }

  #writeSome(conversation: Conversation): Element {
    const { random } = this.#options;
    const left = conversation.length - conversation.written;
    const count = random.chance(AT_ONCE) ? Math.min(left, random.int(2, MOST_AT_ONCE)) : 1;
    return together(Array.from({ length: count }, () => this.#write(conversation)));
  }

  #write(conversation: Conversation): Element {
    const { ledger } = this.#options;
    conversation.written += 1;
    this.#written += 1;
    this.#allowance -= 1;
    const { id, written: n } = conversation;
    const parts = this.#written % 4 === 0 ? 2 : 1;
    ledger.sent(id, n, parts);
    let isAcked = false;
    return messageElement(String(15_550_000_000 + id), `wamid.C${id}N${n}`, `c${id}-${n} x${parts}`, () => {
      if (isAcked) return;
      isAcked = true;
      ledger.acked(id, n);
      if (n < conversation.written) return;
      if (n < conversation.length) this.#ready.push(conversation);
      else this.#open -= 1;
    });
  }
}
