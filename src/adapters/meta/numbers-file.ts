import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { WahookError } from '../../core/errors.ts';
import type { Log } from '../../core/ports/observation.ts';

/** What one of our numbers is used with. */
export interface NumberSettings {
  /** With the version, without a slash at the end. */
  readonly apiUrl: string;
  readonly accessToken: string;
  readonly perSecond: number;
  /** Its business account (WABA), where it is given. */
  readonly account?: string;
}

export interface NumbersFileOptions {
  readonly path: string;
  /** The number of the environment: what others do not say they have from it. */
  readonly own: NumberSettings & { readonly phoneNumberId: string; readonly secrets: readonly string[] };
  readonly log: Log;
  /** Told of every token and secret in the file before anything else is done with them. */
  readonly onSecrets?: (secrets: readonly string[]) => void;
  /** Called after a new content took effect. */
  readonly onChange?: () => void;
}

/** How often the file is looked at: by its time and size, which works for mounted and replaced files alike. */
const LOOK_MS = 2_000;

/** Anybody on this machine may read it. */
const WORLD_READABLE = 0o004;

const secret = z
  .string('is not a text')
  .regex(/^[^\s"'`,]{16,}$/, 'is shorter than 16 characters, or has a space, a comma or a quote');

const numberSchema = z.strictObject({
  phoneNumberId: z.string('is not a text').regex(/^\d{1,32}$/, 'is not a text of at most 32 digits'),
  accessToken: z
    .string('is not a text')
    .regex(/^[\x21-\x7e]{20,}$/, 'is shorter than 20 characters, or has a space')
    .optional(),
  webhookSecret: z.union([secret, z.array(secret)], 'is no secret, nor a list of them').optional(),
  apiVersion: z
    .string('is not a text')
    .regex(/^v\d+\.\d+$/, 'is not a version like v25.0')
    .optional(),
  messagesPerSecond: z
    .int('is not a whole number')
    .min(1, 'is less than 1')
    .max(100_000, 'is more than 100000')
    .optional(),
  businessAccountId: z
    .string('is not a text')
    .regex(/^\d{1,32}$/, 'is not a text of at most 32 digits')
    .optional(),
});

const fileSchema = z.strictObject({
  numbers: z.array(numberSchema, 'is not a list').superRefine((numbers, context) => {
    const seen = new Set<string>();
    for (const [index, { phoneNumberId }] of numbers.entries()) {
      if (seen.has(phoneNumberId))
        context.addIssue({ code: 'custom', path: [index, 'phoneNumberId'], message: 'stands here twice' });
      seen.add(phoneNumberId);
    }
  }),
});

type Content = z.infer<typeof fileSchema>;

/**
 * The numbers of one settings file, with the one of the environment. Read anew when the file changes or somebody says so; a file that
 * is broken then changes nothing, and the log says what is wrong. Nothing shows a value of it.
 */
export class NumbersFile {
  readonly #options: NumbersFileOptions;
  #settings: ReadonlyMap<string, NumberSettings>;
  #secrets: readonly string[];
  readonly #unknown = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  /** Of the content that was read last, good or broken. */
  #stamp: string | undefined;

  /** @throws WahookError `invalid_config` with everything that is wrong */
  constructor(options: NumbersFileOptions) {
    this.#options = options;
    const content = this.#read();
    this.#settings = settingsIn(content, options.own);
    this.#secrets = secretsIn(content, options.own.secrets);
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Undefined for a number that is not ours; said once to the log, without the number. */
  of(phoneNumberId: string): NumberSettings | undefined {
    const found = this.#settings.get(phoneNumberId);
    if (found === undefined && !this.#unknown.has(phoneNumberId)) {
      this.#unknown.add(phoneNumberId);
      const fields = { number: `…${phoneNumberId.slice(-4)}` };
      this.#options.log.error('A number is not in the file NUMBERS: what it receives is kept, nothing is sent', fields);
    }
    return found;
  }

  /** As `of`, and the log is told nothing. */
  has(phoneNumberId: string): boolean {
    return this.#settings.has(phoneNumberId);
  }

  /** Of all numbers: a webhook may be signed with any of them. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /** False if the file is broken: then the last good content holds. */
  reload(): boolean {
    const { own, log, onChange } = this.#options;
    try {
      const content = this.#read();
      this.#settings = settingsIn(content, own);
      this.#secrets = secretsIn(content, own.secrets);
    } catch (error) {
      if (!(error instanceof WahookError)) throw error;
      log.error('The file NUMBERS is broken; what it said before still holds', { error: error.message });
      return false;
    }
    this.#unknown.clear();
    log.info('The file NUMBERS was read', { numbers: this.#settings.size });
    onChange?.();
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A file that is missing for a moment is being replaced. Never throws: nobody would catch it. */
  #look(): void {
    const stamp = stampOf(this.#options.path);
    if (stamp !== undefined && stamp !== this.#stamp) this.reload();
  }

  #read(): Content {
    const { path, log, onSecrets } = this.#options;
    let text: string;
    // Before the content: what changes in between is read once more.
    this.#stamp = stampOf(path);
    try {
      text = readFileSync(path, 'utf8');
      if ((statSync(path).mode & WORLD_READABLE) !== 0)
        log.warn('The file NUMBERS holds secrets and can be read by everybody on this machine: chmod o-r', {});
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      throw new WahookError(
        'invalid_config',
        `✗ NUMBERS names a file that cannot be read${code}\n  Fix  Check the path.`,
      );
    }
    const content = parse(text);
    onSecrets?.(
      content.numbers.flatMap(({ accessToken = [], webhookSecret = [] }) => [accessToken, webhookSecret].flat()),
    );
    return content;
  }
}

/** Changes with every write; undefined if there is no such file, or none that may be looked at: reading it says why. */
function stampOf(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  } catch {
    return undefined;
  }
}

function parse(text: string): Content {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new WahookError('invalid_config', '✗ NUMBERS is not JSON\n  Fix  See docs/numbers.md for its form.');
  }
  const parsed = fileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message, code }) => {
    // Zod names unknown keys, which are not values.
    const what =
      code === 'unrecognized_keys' ? message : message.replace(/^Invalid input.*/, 'is missing or not of its kind');
    return `✗ NUMBERS ${path.join('.') || 'the file'} ${what}`;
  });
  throw new WahookError('invalid_config', `${problems.join('\n')}\n  Fix  See docs/numbers.md for its form.`);
}

function settingsIn({ numbers }: Content, own: NumbersFileOptions['own']): ReadonlyMap<string, NumberSettings> {
  const { phoneNumberId, secrets: _secrets, ...ownSettings } = own;
  const listed = numbers.map((number): [string, NumberSettings] => {
    const { accessToken = own.accessToken, apiVersion, messagesPerSecond: perSecond = own.perSecond } = number;
    const apiUrl = apiVersion === undefined ? own.apiUrl : own.apiUrl.replace(/v\d+\.\d+$/, apiVersion);
    const { businessAccountId: account } = number;
    return [number.phoneNumberId, { apiUrl, accessToken, perSecond, ...(account !== undefined && { account }) }];
  });
  return new Map([[phoneNumberId, ownSettings], ...listed]);
}

function secretsIn({ numbers }: Content, own: readonly string[]): readonly string[] {
  return [...new Set([...own, ...numbers.flatMap(({ webhookSecret = [] }) => webhookSecret)])];
}
