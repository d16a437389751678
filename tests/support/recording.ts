import type { Clock, Log, LogFields, MetricLabels, Metrics } from '../../src/core/ports/observation.ts';

type Counter = keyof MetricLabels & `${string}_total`;
type Histogram = Exclude<keyof MetricLabels, Counter>;
type AnyLabels = Readonly<Record<string, string>>;

export interface Recorded {
  readonly name: keyof MetricLabels;
  readonly labels: AnyLabels;
  readonly value: number;
}

/** Remembers every metric; `total` and `values` take part of the labels and match what has at least these. */
export class RecordingMetrics implements Metrics {
  readonly recorded: Recorded[] = [];

  count<Name extends Counter>(name: Name, labels: MetricLabels[Name], by = 1): void {
    this.recorded.push({ name, labels: { ...labels }, value: by });
  }

  observe<Name extends Histogram>(name: Name, value: number, labels: MetricLabels[Name]): void {
    this.recorded.push({ name, labels: { ...labels }, value });
  }

  /** The sum of a counter; 0 if it was never touched. */
  total<Name extends Counter>(name: Name, labels: Partial<MetricLabels[Name]> = {}): number {
    return this.#matching(name, labels).reduce((sum, one) => sum + one.value, 0);
  }

  /** The observed values of a histogram, oldest first. */
  values<Name extends Histogram>(name: Name, labels: Partial<MetricLabels[Name]> = {}): number[] {
    return this.#matching(name, labels).map((one) => one.value);
  }

  clear(): void {
    this.recorded.length = 0;
  }

  #matching(name: keyof MetricLabels, labels: object): Recorded[] {
    const wanted = Object.entries(labels);
    return this.recorded.filter(
      (one) => one.name === name && wanted.every(([label, value]) => one.labels[label] === value),
    );
  }
}

export type LogLevel = keyof Log;

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Remembers every line; `text` is all of it, to look for what must never be logged. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', message, fields });
  }

  /** The messages, oldest first; of one level if given. */
  messages(level?: LogLevel): string[] {
    return this.lines.filter((line) => level === undefined || line.level === level).map((line) => line.message);
  }

  text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n');
  }

  clear(): void {
    this.lines.length = 0;
  }
}

/** For tests that do not look at the log. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface ManualClock extends Clock {
  advance(ms: number): void;
  set(ms: number): void;
}

/** A clock that moves only when told; starts at 2026-01-01T00:00:00Z unless told otherwise. */
export function manualClock(startMs: number = Date.UTC(2026, 0, 1)): ManualClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    set: (ms) => {
      nowMs = ms;
    },
  };
}
