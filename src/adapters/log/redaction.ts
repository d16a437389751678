/**
 * The net below the rule that nothing secret or personal is logged: whoever forgets the rule is caught here, mostly. It
 * works by pattern, so it also hits harmless long numbers, and it cannot know a name or a message text.
 */
export class Redaction {
  #secrets: readonly string[] = [];

  /** `secrets`: values that must never appear, such as app secrets and tokens. Shorter than 6 characters is ignored. */
  constructor(secrets: readonly string[] = []) {
    this.add(secrets);
  }

  /** From now on these are removed too. None is ever forgotten: one that was changed may still be good, and be told. */
  add(secrets: readonly string[]): void {
    const known = new Set([...this.#secrets, ...secrets.filter((secret) => secret.length >= 6)]);
    // Longest first, so that one that contains another goes as a whole.
    this.#secrets = [...known].sort((a, b) => b.length - a.length);
  }

  /** The text without secrets, tokens, phone numbers and wamids; at most 4096 characters of it. */
  text(text: string): string {
    const cut = text.length > MAX_INPUT;
    // What the cut left of the last word may be half a token that no pattern knows.
    let clean = cut ? text.slice(0, MAX_INPUT).replace(/\S*$/, '') : text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '[secret]');
    if (SUSPICIOUS.test(clean)) {
      for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
      clean = clean.replace(NUMBERS, (_, harmless: string | undefined) => harmless ?? '[number]');
    }
    if (clean.length <= MAX_TEXT && !cut) return clean;
    return `${clean.slice(0, MAX_TEXT)}… (${text.length} characters)`;
  }

  /**
   * A copy that JSON can hold, with every text and key redacted. Cycles, depth beyond 6 and more than 100 entries of one
   * list or object, or 1000 in all, are cut; errors become their name, code and message; what throws when it is read says
   * so. Never throws, and never calls anything but getters and `toJSON`.
   */
  value(value: unknown): unknown {
    return this.#copy(value, { ancestors: [], left: MAX_VALUES });
  }

  #copy(value: unknown, walk: Walk): unknown {
    if (--walk.left < 0) return '[cut]';
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return this.text(String(value));
    if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
    if (typeof value !== 'object' || value === null) return value;
    if (walk.ancestors.includes(value)) return '[circular]';
    if (walk.ancestors.length >= MAX_DEPTH) return '[too deep]';
    walk.ancestors.push(value);
    try {
      return this.#copyObject(value, walk);
    } catch {
      return '[unreadable]';
    } finally {
      walk.ancestors.pop();
    }
  }

  #copyObject(value: object, walk: Walk): unknown {
    if (value instanceof Error) {
      const code = 'code' in value ? value.code : undefined;
      return this.#copyEntries({ name: value.name, code, message: value.message }, walk);
    }
    // Before toJSON: a Buffer's would list the bytes.
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.#copy(value.toJSON(), walk);
    if (!Array.isArray(value)) return this.#copyEntries(value, walk);
    const items = value.slice(0, MAX_ENTRIES).map((item) => this.#copy(item, walk));
    return value.length > MAX_ENTRIES ? [...items, `… (${value.length} items)`] : items;
  }

  #copyEntries(value: object, walk: Walk): Record<string, unknown> {
    const copy: Record<string, unknown> = Object.create(null);
    const keys = Object.keys(value);
    for (const key of keys.slice(0, MAX_ENTRIES)) {
      copy[this.text(key)] = SECRET_KEY.test(key) ? '[secret]' : this.#read(value, key, walk);
    }
    if (keys.length > MAX_ENTRIES) copy['…'] = `${keys.length} entries`;
    return copy;
  }

  /** A getter that throws loses its own field, not the others. */
  #read(value: object, key: string, walk: Walk): unknown {
    try {
      return this.#copy(Reflect.get(value, key), walk);
    } catch {
      return '[unreadable]';
    }
  }
}

interface Walk {
  readonly ancestors: object[];
  left: number;
}

const MAX_INPUT = 16_384;
const MAX_TEXT = 4096;
const MAX_DEPTH = 6;
const MAX_ENTRIES = 100;
const MAX_VALUES = 1000;

/** Fields whose value is a secret whatever it looks like. */
const SECRET_KEY = /^(authorization|cookie|set-cookie|.*(password|secret|token)|x-hub-signature.*)$/i;

/** Part of everything that follows: one look instead of six at text that has none of it, which is nearly all. */
const SUSPICIOUS = /bearer|EAA|sha(?:256|1)=|:\/\/|wamid|\+\d|\d{8}/i;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\bBearer\s+\S+/gi, 'Bearer [token]'],
  // Access tokens of Meta's Graph API start with EAA.
  [/EAA[A-Za-z0-9]{20,}/g, '[token]'],
  [/sha(256|1)=[0-9a-f]+/gi, 'sha$1=[signature]'],
  // user:password@ of a URL
  [/:\/\/[^\s/@]+@/g, '://[login]@'],
  // wamids hold the customer's number, encoded.
  [/wamid\.[A-Za-z0-9+/=_-]+/g, '[wamid]'],
];

/**
 * Phone numbers: eight digits or more in a row, or with the usual gaps behind a `+`. Group 1 is what looks like one and is
 * kept, as logs are read by it: UUIDs, and hexadecimal ids of at least 16 digits with a letter among them.
 */
const NUMBERS =
  /\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{16,})\b|\+\d(?:[ ().-]{0,2}\d){7,}|\d{8,}/gi;
