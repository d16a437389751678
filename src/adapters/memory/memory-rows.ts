import { MOST_RESENDS, nextDelivery, refusal } from '../../core/delivery-status.ts';
import type { ReportedError, SentMessage, StatusUpdate } from '../../core/model.ts';
import type { Job, JobError, NewJob, QueueDepth, QueueName, Settlement } from '../../core/ports/queue.ts';
import { MemoryUnmatchedStatuses, type Told } from './memory-unmatched-statuses.ts';

/** One job and what became of it. */
export interface MemoryRow {
  readonly seq: number;
  readonly queue: QueueName;
  lane: string;
  readonly key: NewJob['key'];
  /** JSON: whoever gets the payload gets a copy, as from a database. */
  readonly payload: string;
  readonly acceptedAtMs: number;
  state: 'waiting' | 'done' | 'dead' | 'discarded';
  claims: number;
  failures: number;
  /** From a claim to its settlement. */
  claimed: boolean;
  /** As in the job of the last claim. */
  interrupted: boolean;
  /** 0: at once. */
  dueAtMs: number;
  lastError?: JobError;
  diedAtMs?: number;
  messageId?: string;
  /** Under which Meta took it, and could not deliver it: it is sent again. */
  refusedIds: readonly string[];
  delivery?: NonNullable<SentMessage['delivery']>;
  deliveryError?: ReportedError;
}

/**
 * The rows of all queues, shared by the adapters that look at them (queue, sent messages). Nothing is ever forgotten but
 * the settled rows of the inbox: for tests and short runs.
 */
export class MemoryRows {
  readonly #keys = new Set<string>();
  readonly #waiting = new Map<string, MemoryRow[]>();
  readonly #dead = new Set<MemoryRow>();
  readonly #sends = new Map<string, MemoryRow>();
  readonly #sent = new Map<string, MemoryRow>();
  readonly #unmatched = new MemoryUnmatchedStatuses();
  readonly #holds: ReadonlySet<QueueName>;
  #seq = 0;

  constructor({ onDeadLetter = 'continue' }: { readonly onDeadLetter?: 'continue' | 'hold' } = {}) {
    this.#holds = new Set(onDeadLetter === 'hold' ? ['messages'] : []);
  }

  /** Adds a job unless its key is known, or, with `fresh`, in any case; true if it was added. */
  add(
    queue: QueueName,
    job: Omit<NewJob, 'payload'> & { readonly payload: string },
    nowMs: number,
    fresh: boolean,
  ): boolean {
    const key = `${queue} ${job.key.id}`;
    if (this.#keys.has(key) && !fresh) return false;
    this.#keys.add(key);
    this.#seq += 1;
    const row: MemoryRow = {
      ...{ seq: this.#seq, queue, lane: job.lane, key: { ...job.key }, payload: job.payload, acceptedAtMs: nowMs },
      ...{ state: 'waiting', claims: 0, failures: 0, claimed: false, interrupted: false, dueAtMs: 0, refusedIds: [] },
    };
    this.#waiting.set(laneKey(queue, job.lane), [...this.waiting(queue, job.lane), row]);
    if (queue === 'outbound') this.#sends.set(job.key.id, row);
    return true;
  }

  /** The waiting rows of a lane, in order. */
  waiting(queue: QueueName, lane: string): readonly MemoryRow[] {
    return this.#waiting.get(laneKey(queue, lane)) ?? [];
  }

  /** Those of them that no dead row before them holds. */
  ready(queue: QueueName, lane: string): readonly MemoryRow[] {
    const waiting = this.waiting(queue, lane);
    if (!this.#holds.has(queue)) return waiting;
    const holder = this.dead.find((row) => row.queue === queue && row.lane === lane);
    return holder === undefined ? waiting : waiting.filter(({ seq }) => seq < holder.seq);
  }

  holds(queue: QueueName): boolean {
    return this.#holds.has(queue);
  }

  /** The waiting rows of all lanes. */
  allWaiting(queue: QueueName): readonly MemoryRow[] {
    return [...this.#waiting.values()].flat().filter((row) => row.queue === queue);
  }

  /** The send with this id of ours. */
  send(sendId: string): MemoryRow | undefined {
    return this.#sends.get(sendId);
  }

  sentAs(messageId: string): MemoryRow | undefined {
    return this.#sent.get(messageId);
  }

  /** Meta has the message, under this id; the first one stays. Joins what is kept about it, and gives back how it has failed. */
  sent(row: MemoryRow, messageId: string, nowMs: number): Told['failed'] {
    row.messageId ??= messageId;
    this.#sent.set(messageId, row);
    if (row.state !== 'done') this.finish(row, 'done');
    const told = this.#unmatched.about(messageId, nowMs);
    if (told !== undefined) this.raise(row, told);
    return told?.failed;
  }

  /** Keeps what a status says about a message that is not known. */
  keep(update: StatusUpdate, nowMs: number): void {
    this.#unmatched.keep(update, nowMs);
  }

  raise(row: MemoryRow, { delivery, error }: Partial<Told>): void {
    if (delivery !== undefined) row.delivery = nextDelivery(row.delivery, delivery) ?? delivery;
    if (error !== undefined) row.deliveryError ??= structuredClone(error);
  }

  /** Lets a message that has failed wait again, at its place in its lane, if it may be repeated. */
  resend(row: MemoryRow, failed: Told['failed'], nowMs: number): void {
    if (failed === undefined || row.state !== 'done' || row.delivery !== 'failed') return;
    const { afterMs, limit, only } = failed.resend;
    if (row.failures >= limit || (only === 'link' && !row.payload.includes('"link":'))) return;
    this.revive(row, nowMs + afterMs, row.failures + 1);
    row.lastError = refusal(failed.errors);
    if (row.messageId !== undefined) {
      this.#sent.delete(row.messageId);
      row.refusedIds = [...row.refusedIds, row.messageId].slice(-MOST_RESENDS);
    }
    delete row.messageId;
    delete row.delivery;
    delete row.deliveryError;
  }

  /** Hands a row out once more. */
  claim(row: MemoryRow): Job {
    row.interrupted = row.claimed;
    row.claims += 1;
    row.claimed = true;
    return {
      ...{ id: String(row.seq), key: { ...row.key }, lane: row.lane, payload: JSON.parse(row.payload) },
      ...{ attempt: row.failures + 1, claims: row.claims, acceptedAtMs: row.acceptedAtMs },
      // A process that dies takes the rows with it.
      ...{ interrupted: row.interrupted, interruptions: 0 },
      ...(row.lastError && { lastError: { ...row.lastError } }),
    };
  }

  /** Takes a claim back: the row was handed over, but not started. One whose claim before was cut short is still such a one. */
  unclaim(row: MemoryRow): void {
    row.claims -= 1;
    row.claimed = row.interrupted;
  }

  /** A row that was settled meanwhile stays as it is, and so does a send of which a status has told that it must go again. */
  settle(row: MemoryRow, settlement: Settlement, nowMs: number): void {
    if (isSettledMeanwhile(row, settlement)) return;
    row.claimed = false;
    delete row.lastError;
    if (settlement.outcome !== 'done' && settlement.error) row.lastError = { ...settlement.error };
    if (settlement.outcome === 'retry') {
      row.failures += settlement.counted ? 1 : 0;
      row.dueAtMs = nowMs + settlement.inMs;
      return;
    }
    if (settlement.outcome === 'moved') {
      row.dueAtMs = settlement.inMs === undefined ? 0 : nowMs + settlement.inMs;
      this.#leaveLane(row);
      row.lane = settlement.lane;
      this.#joinLane(row);
      return;
    }
    if (settlement.outcome === 'dead') row.diedAtMs = nowMs;
    this.finish(row, settlement.outcome);
    if (settlement.outcome === 'done' && settlement.messageId !== undefined)
      this.resend(row, this.sent(row, settlement.messageId, nowMs), nowMs);
  }

  /** Those that were given up, in the order of publishing. */
  get dead(): readonly MemoryRow[] {
    return [...this.#dead].sort((one, other) => one.seq - other.seq);
  }

  /** Lets a dead row wait again, at its place in its lane, as if it had never been tried. */
  revive(row: MemoryRow, dueAtMs: number, failures = 0): void {
    this.#dead.delete(row);
    Object.assign(row, { state: 'waiting', claims: 0, failures, claimed: false, dueAtMs });
    delete row.lastError;
    delete row.diedAtMs;
    this.#joinLane(row);
  }

  finish(row: MemoryRow, state: 'done' | 'dead' | 'discarded'): void {
    row.state = state;
    this.#dead.delete(row);
    if (state === 'dead') this.#dead.add(row);
    this.#leaveLane(row);
  }

  #joinLane(row: MemoryRow): void {
    const lane = [...this.waiting(row.queue, row.lane), row].sort((one, other) => one.seq - other.seq);
    this.#waiting.set(laneKey(row.queue, row.lane), lane);
  }

  #leaveLane(row: MemoryRow): void {
    const key = laneKey(row.queue, row.lane);
    const left = this.waiting(row.queue, row.lane).filter((other) => other !== row);
    if (left.length > 0) this.#waiting.set(key, left);
    else this.#waiting.delete(key);
  }

  depth(queue: QueueName, nowMs: number): QueueDepth {
    const waiting = this.allWaiting(queue);
    const dead = [...this.#dead].filter((row) => row.queue === queue);
    const lanes = [...new Set(waiting.map(({ lane }) => lane))];
    const heads = lanes.flatMap((lane) => this.ready(queue, lane)[0] ?? []);
    const oldestAtMs = heads.reduce((oldest, { acceptedAtMs }) => Math.min(oldest, acceptedAtMs), nowMs);
    const held = this.#holds.has(queue) ? new Set(dead.map(({ lane }) => lane)).size : 0;
    return { waiting: waiting.length, dead: dead.length, held, oldestMs: nowMs - oldestAtMs };
  }
}

/** Also a send that Meta has reported as failed under the very id that it answers with. */
function isSettledMeanwhile({ state, refusedIds }: MemoryRow, settlement: Settlement): boolean {
  const messageId = settlement.outcome === 'done' ? settlement.messageId : undefined;
  return state !== 'waiting' || (messageId !== undefined && refusedIds.includes(messageId));
}

function laneKey(queue: QueueName, lane: string): string {
  return `${queue} ${lane}`;
}
