import type { Offence } from './scenario.ts';

/** What the Graph endpoint took. */
export interface AcceptedReply {
  readonly text: string;
  /** Undefined for a receiver that gives none. */
  readonly sendId: string | undefined;
}

/** Why an acked message has no answer, from the receiver's database; `undefined`: nothing can be said. */
export type Fate = { readonly kind: 'lost' | 'reply lost'; readonly what: string } | undefined;

interface Message {
  readonly parts: number;
  acked: boolean;
  /** The run of the handler whose reply was accepted first. */
  run: string | undefined;
  /** One bit for each part accepted so far, of any run. */
  got: number;
  /** When each of them was first, by `performance.now()`. */
  readonly gotAtMs: number[];
}

interface Conversation {
  readonly messages: Message[];
  /** Of the replies accepted so far, the last in the order of the conversation. */
  furthest: number;
}

export interface LedgerCounts {
  readonly sent: number;
  readonly acked: number;
  readonly handled: number;
  readonly lost: number;
  readonly twice: number;
  readonly outOfOrder: number;
  readonly repliesLost: number;
  readonly repliesTwice: number;
  /** Replies that came twice as they may: see `LedgerOptions`. They are no violation. */
  readonly resent: number;
}

/**
 * What tells a reply that may come twice: for `settleWaitMs` after it was accepted no status of it was acked, so the receiver, whose
 * answer was lost, could not know of it. Its documented policy is then to send again.
 */
export interface LedgerOptions {
  readonly settleWaitMs: number;
  /** Whether a status of the send with this id was acked. */
  readonly isTold: (sendId: string) => boolean;
}

/** Those of `LedgerCounts` that must be zero. */
export const VIOLATION_COUNTS = ['lost', 'twice', 'outOfOrder', 'repliesLost', 'repliesTwice'] as const;

export type ViolationCount = (typeof VIOLATION_COUNTS)[number];

const REPLY = /^re c(\d+)-(\d+) (\d+)\/(\d+) run ([0-9a-f-]{36})(?: knows (\d+))?$/;
const KEPT_PER_KIND = 5;

/** Beyond any number of parts. */
const PARTS = 16;

/**
 * Judges from outside: by what was acked, and by what the Graph endpoint accepted. Each reply names its message, its part and
 * the run of the handler that wrote it. Two runs: handled twice. One part of one run twice: reply twice. An earlier part or
 * message after a later one: out of order. One that says how many messages of its conversation it knows of, and misses one or has one
 * too many: what an earlier one has done is lost, or done twice. Counts each message once for each kind of violation.
 */
export class Ledger {
  readonly #options: LedgerOptions | undefined;
  readonly #conversations: Conversation[] = [];
  readonly #offences: Offence[] = [];
  readonly #seen = new Set<string>();
  #sent = 0;
  #acked = 0;
  #handled = 0;
  #resent = 0;
  readonly #counts: Record<ViolationCount, number> = {
    lost: 0,
    twice: 0,
    outOfOrder: 0,
    repliesLost: 0,
    repliesTwice: 0,
  };

  /** @param options absent: no reply may come twice */
  constructor(options?: LedgerOptions) {
    this.#options = options;
  }

  /** `conversation` counts from 0 without gaps, `n` from 1. */
  sent(conversation: number, n: number, parts: number): void {
    this.#conversations[conversation] ??= { messages: [], furthest: 0 };
    this.#conversations[conversation].messages[n - 1] = { parts, acked: false, run: undefined, got: 0, gotAtMs: [] };
    this.#sent += 1;
  }

  acked(conversation: number, n: number): void {
    const message = this.#conversations[conversation]?.messages[n - 1];
    if (message === undefined || message.acked) return;
    message.acked = true;
    this.#acked += 1;
  }

  /** The moment of the call is the moment of acceptance. */
  accepted({ text, sendId }: AcceptedReply): void {
    const [, c, number, place, , run = '', knows = number] = REPLY.exec(text) ?? [];
    const [conversation, n, part] = [Number(c), Number(number), Number(place)];
    const known = this.#conversations[conversation];
    const message = known?.messages[n - 1];
    if (known === undefined || message === undefined || part < 1 || part > message.parts) {
      this.#offend('repliesTwice', 'reply twice', '?', `a reply to nothing that was sent: ${text}`);
      return;
    }
    const name = `c${conversation}`;
    const about = `message ${n} part ${part} run ${run} send id ${sendId ?? '-'}`;
    if (message.run !== undefined && message.run !== run) {
      this.#once(`twice ${name}-${n}`, () =>
        this.#offend('twice', 'twice', name, `${about}; before it run ${message.run}`),
      );
    } else if ((message.got & (1 << part)) !== 0) {
      this.#once(`reply ${name}-${n}-${part}`, () => this.#again(name, about, sendId, message.gotAtMs[part] ?? 0));
    }
    if (Number(knows) !== n) {
      const count = Number(knows) < n ? 'lost' : 'twice';
      this.#once(`state ${name}-${n}`, () =>
        this.#offend(count, count, name, `${about}; its session knows of ${knows} of ${n} messages`),
      );
    }
    message.gotAtMs[part] ??= performance.now();
    message.run ??= run;
    if ((message.got & (1 << part)) === 0) this.#first(known, message, name, n, part);
  }

  #again(name: string, about: string, sendId: string | undefined, firstAtMs: number): void {
    const afterMs = performance.now() - firstAtMs;
    const { settleWaitMs = Number.POSITIVE_INFINITY, isTold = () => true } = this.#options ?? {};
    const isUntold = sendId !== undefined && !isTold(sendId);
    if (isUntold && afterMs >= settleWaitMs) {
      this.#resent += 1;
      return;
    }
    const told = isUntold ? 'no status of it was acked' : 'a status of it may have been acked';
    const what = `${about} came again after ${(afterMs / 1_000).toFixed(1)} s; ${told}`;
    this.#offend('repliesTwice', 'reply twice', name, what);
  }

  #first(conversation: Conversation, message: Message, name: string, n: number, part: number): void {
    message.got |= 1 << part;
    if (isWhole(message)) this.#handled += 1;
    const position = n * PARTS + part;
    if (position > conversation.furthest) {
      conversation.furthest = position;
      return;
    }
    const [ahead, aheadPart] = [Math.floor(conversation.furthest / PARTS), conversation.furthest % PARTS];
    const what = `message ${n} part ${part} came after message ${ahead} part ${aheadPart}`;
    this.#once(`order ${name}-${n}`, () => this.#offend('outOfOrder', 'out of order', name, what));
  }

  #once(key: string, then: () => void): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    then();
  }

  #offend(count: ViolationCount, kind: Offence['kind'], conversation: string, what: string): void {
    this.#counts[count] += 1;
    if (this.#offences.filter((offence) => offence.kind === kind).length < KEPT_PER_KIND)
      this.#offences.push({ kind, conversation, what });
  }

  /** Messages with a 200 whose replies are not all there, as `c<conversation>-<n>`. */
  get unanswered(): number {
    return this.#acked - this.#handled;
  }

  /** The names of the messages that were acked and are not answered in full. */
  missing(): readonly string[] {
    const missing: string[] = [];
    for (const [c, conversation] of this.#conversations.entries())
      for (const [index, message] of conversation.messages.entries())
        if (message.acked && !isWhole(message)) missing.push(`c${c}-${index + 1}`);
    return missing;
  }

  /** What is missing now is missing for good. Call it once. */
  close(fateOf: (name: string) => Fate): void {
    for (const name of this.missing()) {
      const fate = fateOf(name) ?? { kind: 'lost', what: 'acked, and not answered' };
      const conversation = name.split('-')[0] ?? '';
      const what = `message ${name.split('-')[1]}: ${fate.what}`;
      this.#offend(fate.kind === 'lost' ? 'lost' : 'repliesLost', fate.kind, conversation, what);
    }
  }

  /** Adds what the database shows beyond the messages: statuses that are dead letters, pieces in quarantine. */
  addLost(kind: 'lost' | 'reply lost', what: string): void {
    this.#offend(kind === 'lost' ? 'lost' : 'repliesLost', kind, '-', what);
  }

  /** Adds what the database holds more than once. */
  addTwice(what: string): void {
    this.#offend('twice', 'twice', '-', what);
  }

  get violations(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  get counts(): LedgerCounts {
    return { sent: this.#sent, acked: this.#acked, handled: this.#handled, ...this.#counts, resent: this.#resent };
  }

  get offences(): readonly Offence[] {
    return this.#offences;
  }
}

function isWhole({ parts, got }: Message): boolean {
  return got === ((1 << parts) - 1) << 1;
}
