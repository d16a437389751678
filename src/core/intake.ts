import { isWahookError, WahookError } from './errors.ts';
import type { WebhookEvent } from './model.ts';
import type { Clock, Metrics } from './ports/observation.ts';
import type { EventStore, Quarantine, QuarantinedPiece, WebhookElement } from './ports/receiving.ts';

/** An element that is an event. */
type EventElement = Extract<WebhookElement, { kind: 'event' }>;

/** How many elements of one webhook were new, known or set aside. */
export interface Accepted {
  readonly fresh: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

export interface IntakeOptions {
  /** Elements that one commit takes at most; a single webhook may bring more (Meta: up to 1000 updates, 2026-09). */
  readonly commitElements: number;
  /** Elements that may wait for a commit; beyond that webhooks are refused at once. Bounds the memory. */
  readonly waitingElements: number;
  /** Longer than this a webhook must not wait for its commit to begin, as far as can be told when it comes. */
  readonly waitMs: number;
  /** Told of each new event, once it is stored. */
  readonly accepted?: (event: WebhookEvent) => void;
}

interface Waiting {
  readonly elements: readonly WebhookElement[];
  readonly expiresAtMs: number;
  readonly resolve: (accepted: Accepted) => void;
  readonly reject: (error: unknown) => void;
}

type Verdict = 'fresh' | 'duplicate' | 'busy' | 'quarantined';

/**
 * Stores the elements of webhooks, many webhooks per commit: what arrives while a commit is in flight goes into the next
 * one. One commit at a time keeps the order of arrival and costs PostgreSQL a fraction of a commit per webhook
 * (docs/performance.md).
 */
export class Intake {
  readonly #events: EventStore;
  readonly #quarantine: Quarantine;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #options: IntakeOptions;
  #waiting: Waiting[] = [];
  #waitingElements = 0;
  #committing = false;
  #commitStartedMs = 0;
  #lastCommitMs = 0;

  constructor(events: EventStore, quarantine: Quarantine, metrics: Metrics, clock: Clock, options: IntakeOptions) {
    this.#events = events;
    this.#quarantine = quarantine;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#options = options;
  }

  /** True if a webhook would be refused now: known before its body is read, so that refusing costs next to nothing. */
  get isFull(): boolean {
    return !this.#hasRoomFor(1);
  }

  /**
   * Resolves when every element is durable (new, known already, or quarantined).
   *
   * @param expiresAtMs after this moment nobody waits for the answer: if no commit has begun by then, none will.
   * @throws WahookError `overloaded` (nothing was stored), `storage_unavailable` (some may be stored; a repetition is safe)
   */
  accept(elements: readonly WebhookElement[], expiresAtMs: number): Promise<Accepted> {
    if (!this.#hasRoomFor(elements.length))
      return Promise.reject(new WahookError('overloaded', 'Too many webhooks wait for the store'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ elements, expiresAtMs, resolve, reject });
      this.#waitingElements += elements.length;
      if (!this.#committing) void this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    this.#committing = true;
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      this.#commitStartedMs = this.#clock.now();
      await this.#commit(batch);
      this.#lastCommitMs = this.#clock.now() - this.#commitStartedMs;
    }
    this.#committing = false;
  }

  /**
   * What fits into the next commit is always taken: nobody could store it sooner, however slow the store is. Anything else
   * waits for the commit in flight and for the full ones behind it, judged by the last one or, if that takes longer already,
   * by the one in flight.
   */
  #hasRoomFor(elements: number): boolean {
    const { commitElements, waitingElements, waitMs } = this.#options;
    const ahead = this.#waitingElements;
    if (this.#waiting.length === 0 || ahead + elements <= commitElements) return true;
    if (ahead + elements > waitingElements) return false;
    const commitMs = Math.max(this.#lastCommitMs, this.#clock.now() - this.#commitStartedMs);
    return (1 + Math.ceil(ahead / commitElements)) * commitMs <= waitMs;
  }

  #takeBatch(): readonly Waiting[] {
    let elements = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && elements + waiting.elements.length > this.#options.commitElements) break;
      elements += waiting.elements.length;
      count += 1;
    }
    this.#waitingElements -= elements;
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const now = this.#clock.now();
    const live = batch.filter((waiting) => waiting.expiresAtMs > now);
    for (const expired of batch)
      if (expired.expiresAtMs <= now) expired.reject(new WahookError('overloaded', 'The store was busy for too long'));
    try {
      const elements = live.flatMap((waiting) => waiting.elements);
      await this.#keep(elements.flatMap((element) => (element.kind === 'quarantined' ? [element.piece] : [])));
      const verdicts = await this.#store(elements.filter((element) => element.kind === 'event'));
      for (const waiting of live) this.#answer(waiting, verdicts);
    } catch (error) {
      for (const waiting of live) waiting.reject(error);
    }
  }

  async #keep(pieces: readonly QuarantinedPiece[]): Promise<void> {
    if (pieces.length === 0) return;
    await this.#quarantine.keep(pieces);
    for (const { reason } of pieces) this.#metrics.count('webhook_quarantined_total', { reason });
  }

  /**
   * Stores all events in one commit. If the store refuses a value for good, the batch is halved until the culprit stands
   * alone and can be quarantined, so that it harms no neighbour; this costs 2·log2(n) commits for each culprit and is rare.
   */
  async #store(events: readonly EventElement[]): Promise<Map<string, Verdict>> {
    if (events.length === 0) return new Map();
    try {
      return await this.#storeAtOnce(events);
    } catch (error) {
      if (!isWahookError(error, 'unstorable')) throw error;
      const [first] = events;
      if (first !== undefined && events.length === 1) {
        await this.#keep([first.origin.quarantined('unstorable')]);
        return new Map([[first.key.id, 'quarantined']]);
      }
      const middle = Math.ceil(events.length / 2);
      const left = await this.#store(events.slice(0, middle));
      const right = await this.#store(events.slice(middle));
      return new Map([...left, ...right]);
    }
  }

  async #storeAtOnce(events: readonly EventElement[]): Promise<Map<string, Verdict>> {
    const result = await this.#events.store(events);
    const verdicts = new Map<string, Verdict>();
    for (const id of result.fresh) verdicts.set(id, 'fresh');
    for (const id of result.duplicate) verdicts.set(id, 'duplicate');
    for (const id of result.busy) verdicts.set(id, 'busy');
    return verdicts;
  }

  /** The first webhook of a commit that brought an element has it fresh, the others of this commit as a duplicate. */
  #answer(waiting: Waiting, verdicts: Map<string, Verdict>): void {
    let fresh = 0;
    let duplicate = 0;
    let quarantined = 0;
    for (const element of waiting.elements) {
      const verdict = element.kind === 'quarantined' ? 'quarantined' : verdicts.get(element.key.id);
      const reason = whyNotStored(verdict);
      if (reason !== undefined) {
        waiting.reject(reason);
        return;
      }
      if (element.kind === 'quarantined' || verdict === 'quarantined') quarantined += 1;
      else if (verdict === 'fresh') {
        fresh += 1;
        verdicts.set(element.key.id, 'duplicate');
        this.#countFresh(element.event);
      } else {
        duplicate += 1;
        this.#metrics.count('webhook_duplicates_total', { kind: element.event.kind });
      }
    }
    waiting.resolve({ fresh, duplicate, quarantined });
  }

  #countFresh(event: WebhookEvent): void {
    this.#metrics.count('webhook_elements_total', { kind: event.kind, type: typeOf(event) });
    this.#options.accepted?.(event);
    if (event.kind !== 'message') return;
    this.#metrics.observe('webhook_delivery_lag_seconds', Math.max(0, this.#clock.now() - event.sentAtMs) / 1000, {});
  }
}

/** Undefined if it is durable. What the store says nothing of must not be answered with 200, whatever the reason. */
function whyNotStored(verdict: Verdict | undefined): Error | undefined {
  if (verdict === undefined) return new Error('the store does not say what became of an element');
  if (verdict !== 'busy') return undefined;
  return new WahookError('overloaded', 'Another delivery of the same element is being stored right now');
}

function typeOf(event: WebhookEvent): string {
  if (event.kind === 'message') return event.type;
  return event.kind === 'status' ? event.status : 'account';
}
