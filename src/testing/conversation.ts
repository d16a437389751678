import { AssertionError } from 'node:assert';
import type { OutboundRecord, TranscriptRecord } from '../simulator/world.ts';
import { messageLine } from './message-line.ts';
import type { TestService } from './test-service.ts';

/** What was expected in vain. */
export interface Failure {
  /** One sentence. */
  readonly message: string;
  /** In the words of the transcript's line. */
  readonly expected: string;
  /** The message that is not as expected; absent where one is missing. */
  readonly at?: OutboundRecord | undefined;
  readonly actual?: unknown;
  readonly wanted?: unknown;
}

/** All that was said and what went wrong meanwhile, for people. */
export class Conversation {
  readonly #service: TestService;
  readonly #names = new Map<string, string>();

  constructor(service: TestService) {
    this.#service = service;
  }

  name(customerId: string, name: string): void {
    this.#names.set(customerId, name);
  }

  get records(): readonly TranscriptRecord[] {
    return this.#service.meta.transcript;
  }

  get lastSeq(): number {
    return this.records.at(-1)?.seq ?? 0;
  }

  /** @param marked behind which message the line about what was expected stands; `null`: at the end */
  transcript(expected?: string, marked: OutboundRecord | null = null): string {
    const width = Math.max(3, ...[...this.#names.values()].map(({ length }) => length));
    const line = (mark: string, atMs: number, who: string, text: string): string =>
      `${mark} ${new Date(atMs).toISOString().slice(11, 19)}  ${who.padEnd(width)}  ${text}`;
    const { notes, clock } = this.#service;
    const expectation = (): string[] =>
      expected === undefined ? [] : [`> ${' '.repeat(8)}  ${''.padEnd(width)}  expected: ${expected}`];
    const notesAfter = (seq: number): string[] =>
      notes.filter(({ afterSeq }) => afterSeq === seq).map(({ atMs, text }) => line('!', atMs, '', text));
    const said = this.records.flatMap((record) => [
      line(record === marked ? '>' : ' ', record.atMs, this.#whoSaid(record), messageLine(record)),
      ...(record === marked ? expectation() : []),
      ...notesAfter(record.seq),
    ]);
    const lines = [...notesAfter(0), ...said, ...(marked === null ? expectation() : [])];
    return lines.length === 0 ? line(' ', clock.now(), '', '(nothing was said)') : lines.join('\n');
  }

  /** An AssertionError with the transcript. @param hide whose frames are of no use to the reader */
  failure({ message, expected, at, actual, wanted }: Failure, hide: (...args: never[]) => unknown): AssertionError {
    const whole = `${message}\n\n${this.transcript(expected, at ?? null)}\n`;
    const error = new AssertionError({
      message: whole,
      actual,
      expected: wanted,
      operator: 'testBot',
      stackStartFn: hide as () => void,
    });
    const cause = this.#service.errors.at(-1);
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  #whoSaid(record: TranscriptRecord): string {
    if (record.direction === 'inbound') return this.#names.get(record.customer) ?? record.customer;
    return this.#names.size > 1 ? `→${this.#names.get(record.customer) ?? record.customer}` : 'bot';
  }
}
