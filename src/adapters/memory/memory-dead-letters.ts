import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../../core/ports/observation.ts';
import type { DeadLetter, DeadLetterCount, DeadLetterFilter, DeadLetters, JobError } from '../../core/ports/queue.ts';
import type { MemoryMessageQueue } from './memory-message-queue.ts';
import type { MemoryRow, MemoryRows } from './memory-rows.ts';

const NO_ERROR: JobError = { code: 'unknown', message: '' };

/** What was given up in the rows of a `MemoryMessageQueue`. Nothing runs between looking and changing. */
export class MemoryDeadLetters implements DeadLetters {
  readonly #rows: MemoryRows;
  readonly #queue: Pick<MemoryMessageQueue, 'wake'>;
  readonly #clock: Clock;
  readonly #installation = randomUUID();

  /** @param queue the one with these rows; by the same `clock` */
  constructor(rows: MemoryRows, queue: Pick<MemoryMessageQueue, 'wake'>, clock: Clock = Date) {
    this.#rows = rows;
    this.#queue = queue;
    this.#clock = clock;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const letters = this.#find(filter).map(({ letter }) => letter);
    return letters
      .sort((one, other) => other.diedAtMs - one.diedAtMs || numberOf(other) - numberOf(one))
      .slice(0, limit);
  }

  async redrive(
    filter: DeadLetterFilter,
    { perSecond, dryRun = false }: { readonly perSecond?: number; readonly dryRun?: boolean } = {},
  ): Promise<DeadLetterCount> {
    const found = this.#find(filter).map(({ row }) => row);
    if (dryRun) return countOf(found);
    const nowMs = this.#clock.now();
    for (const [place, row] of found.entries())
      this.#rows.revive(row, perSecond === undefined ? 0 : nowMs + (place * 1000) / perSecond);
    for (const { queue, lane } of found) this.#queue.wake(queue, lane);
    return countOf(found);
  }

  async discard(
    filter: DeadLetterFilter,
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<DeadLetterCount> {
    const found = this.#find(filter).map(({ row }) => row);
    if (dryRun) return countOf(found);
    for (const row of found) this.#rows.finish(row, 'discarded');
    for (const { queue, lane } of found) this.#queue.wake(queue, lane);
    return countOf(found);
  }

  #find({ ids, queue, reason, conversation }: DeadLetterFilter): { row: MemoryRow; letter: DeadLetter }[] {
    return this.#rows.dead
      .map((row) => ({ row, letter: this.#letterOf(row) }))
      .filter(
        ({ letter }) =>
          (ids?.includes(letter.id) ?? true) &&
          [undefined, letter.queue].includes(queue) &&
          [undefined, letter.reason].includes(reason) &&
          [undefined, letter.conversation].includes(conversation),
      );
  }

  #letterOf({
    seq,
    queue,
    lane,
    lastError = NO_ERROR,
    failures,
    claims,
    acceptedAtMs,
    diedAtMs = 0,
  }: MemoryRow): DeadLetter {
    const conversation = createHash('sha256').update(this.#installation).update(lane).digest('hex').slice(0, 12);
    return {
      ...{
        id: `${queue}-${seq}`,
        queue,
        reason: lastError.code,
        error: { ...lastError },
        attempts: failures + 1,
        claims,
      },
      ...{ conversation, acceptedAtMs, diedAtMs },
    };
  }
}

function numberOf({ id }: DeadLetter): number {
  return Number(id.split('-')[1]);
}

function countOf(rows: readonly MemoryRow[]): DeadLetterCount {
  return { letters: rows.length, conversations: new Set(rows.map(({ queue, lane }) => `${queue} ${lane}`)).size };
}
