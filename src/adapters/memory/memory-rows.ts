import type { ReportedError, SentMessage } from '../../core/model.ts';
import type { Job, JobError, NewJob, QueueDepth, QueueName, Settlement } from '../../core/ports/queue.ts';

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
  refusedId?: string;
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
      ...{ state: 'waiting', claims: 0, failures: 0, claimed: false, interrupted: false, dueAtMs: 0 },
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

  /** Notes under which id Meta has the message; the first one stays. */
  name(row: MemoryRow, messageId: string): void {
    row.messageId ??= messageId;
    this.#sent.set(messageId, row);
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
    if (settlement.outcome === 'done' && settlement.messageId !== undefined) this.name(row, settlement.messageId);
    if (settlement.outcome === 'dead') row.diedAtMs = nowMs;
    this.finish(row, settlement.outcome);
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

  /** Lets a message wait again that was sent, at its place in its lane. */
  resend(row: MemoryRow, error: JobError, dueAtMs: number): void {
    this.revive(row, dueAtMs, row.failures + 1);
    row.lastError = { ...error };
    if (row.messageId !== undefined) {
      this.#sent.delete(row.messageId);
      row.refusedId = row.messageId;
    }
    delete row.messageId;
    delete row.delivery;
    delete row.deliveryError;
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
function isSettledMeanwhile({ state, refusedId }: MemoryRow, settlement: Settlement): boolean {
  const isRefused = refusedId !== undefined && settlement.outcome === 'done' && settlement.messageId === refusedId;
  return state !== 'waiting' || isRefused;
}

function laneKey(queue: QueueName, lane: string): string {
  return `${queue} ${lane}`;
}
