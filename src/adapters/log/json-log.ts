import type { Clock, Log, LogFields } from '../../core/ports/observation.ts';
import { Redaction } from './redaction.ts';

export type LogLevel = keyof Log;

/** Where lines go: a writable stream as far as a log needs it. */
export interface LogStream {
  readonly isTTY?: boolean;
  readonly writableLength: number;
  write(line: string): boolean;
  on(event: 'error', listener: () => void): unknown;
  listeners(event: 'error'): readonly unknown[];
}

export interface JsonLogOptions {
  readonly stream?: LogStream;
  /** The least level that is written. */
  readonly level?: LogLevel;
  /** `pretty` is for a person at a terminal, with colours if the stream is one; its form may change at any time. */
  readonly format?: 'json' | 'pretty';
  /** What no line may hold; the one that knows no secrets if absent. */
  readonly redaction?: Redaction;
  readonly clock?: Clock;
}

/**
 * One line of JSON per call: `time` (ISO, UTC), `level`, `message`, then the fields beside them (a field with one of these
 * three names gets a `_` in front). Everything passes the redaction, control characters are escaped. Never throws and never
 * blocks on a reader that went away: what cannot be written is dropped, and how many lines that were is said in the next one.
 */
export class JsonLog implements Log {
  readonly #stream: LogStream;
  readonly #threshold: number;
  readonly #format: (line: Line) => string;
  readonly #redaction: Redaction;
  readonly #clock: Clock;
  #dropped = 0;

  constructor(options: JsonLogOptions = {}) {
    this.#stream = options.stream ?? process.stdout;
    this.#threshold = LEVELS.indexOf(options.level ?? 'info');
    this.#redaction = options.redaction ?? new Redaction();
    this.#clock = options.clock ?? Date;
    const colours = this.#stream.isTTY === true;
    this.#format = options.format === 'pretty' ? (line) => prettyLine(line, colours) : jsonLine;
    // Without a listener a closed pipe (EPIPE) ends the process. One for all logs of a stream.
    if (!this.#stream.listeners('error').includes(ignore)) this.#stream.on('error', ignore);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (LEVELS.indexOf(level) < this.#threshold) return;
    if (this.#stream.writableLength > MAX_WAITING_CHARACTERS) {
      this.#dropped += 1;
      return;
    }
    try {
      const dropped = this.#dropped > 0 ? { droppedLines: this.#dropped } : {};
      const clean = this.#redaction.value({ ...fields, ...dropped }) as Record<string, unknown>;
      const time = new Date(this.#clock.now()).toISOString();
      this.#stream.write(`${this.#format({ time, level, message: this.#redaction.text(message), fields: clean })}\n`);
      this.#dropped = 0;
    } catch {
      // A log that fails must not fail what it tells about.
      this.#dropped += 1;
    }
  }
}

interface Line {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A reader this far behind (some thousand lines) has stopped reading; going on would fill the memory. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;

function ignore(): void {}

function jsonLine({ time, level, message, fields }: Line): string {
  const own = { time, level, message };
  const rest = Object.entries(fields).map(([key, value]) => [Object.hasOwn(own, key) ? `_${key}` : key, value]);
  return escaped(JSON.stringify({ ...own, ...Object.fromEntries(rest) }));
}

const COLOURS: Readonly<Record<LogLevel, string>> = {
  debug: '\u001b[90m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

/** `12:34:56.789 WARN  the message  key=value other="two words"` */
function prettyLine({ time, level, message, fields }: Line, colours: boolean): string {
  const paint = (colour: string, text: string) => (colours ? `${colour}${text}\u001b[0m` : text);
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => paint(COLOURS.debug, `${bare(key)}=`) + bare(value));
  const head = `${paint(COLOURS.debug, time.slice(11, 23))} ${paint(COLOURS[level], level.toUpperCase().padEnd(5))}`;
  // Quoting escapes control characters; the quotes themselves only disturb.
  const text = escaped(JSON.stringify(message)).slice(1, -1).replaceAll('\\"', '"');
  return [`${head} ${text}`, ...pairs].join('  ');
}

/** A value as JSON; plain words without quotes. */
function bare(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : escaped(JSON.stringify(value));
}

/** JSON escapes only what is below U+0020; terminals and viewers also act on C1, line separators and direction marks. */
function escaped(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
