import { z } from 'zod';
import { ADVICE, type Advice } from './config-advice.ts';
import { type ConfigProblem, misspelledVariables } from './config-problem.ts';
import { brokenRules, type Environment, splitSecrets, storeKindOf } from './config-rules.ts';

type Role = 'all' | 'web' | 'worker';

export type StoreConfig =
  | { readonly kind: 'postgres'; readonly url: string; readonly poolSize: number }
  /** `directory`: where the embedded database keeps its files. */
  | { readonly kind: 'pglite'; readonly directory: string }
  | { readonly kind: 'memory' };

/** Where `/metrics` is served: beside the webhook, or on a listener of its own. */
type MetricsConfig =
  | { readonly where: 'main' }
  | { readonly where: 'own'; readonly host: string; readonly port: number };

/** Every setting, checked and frozen. Holds secrets: never log it. */
export interface Config {
  readonly production: boolean;
  readonly role: Role;
  /** Path of the bot's file. */
  readonly bot: string;
  /** A program in the place of the bot: it gets events at this URL, signed with each of the secrets. */
  readonly remoteHandler: { readonly url: string; readonly secrets: readonly string[] } | undefined;
  /** For `/api/messages`; undefined: there is no such thing. */
  readonly apiToken: string | undefined;
  readonly whatsapp: {
    /** With the version, without a slash at the end: `https://graph.facebook.com/v25.0`. */
    readonly apiUrl: string;
    readonly phoneNumberId: string;
    /** Of that number; undefined: its templates are not known, so what is sent by other programs is not checked against them. */
    readonly businessAccountId: string | undefined;
    readonly accessToken: string;
    readonly verifyToken: string;
    /** One or more; a signature under any of them is good. */
    readonly webhookSecrets: readonly string[];
  };
  /** Path of the file with further numbers; undefined: all numbers are used with the settings above. */
  readonly numbersFile: string | undefined;
  readonly store: StoreConfig;
  /** Undefined: no Redis. */
  readonly redisUrl: string | undefined;
  /** Folder for what this service keeps on the local disk. */
  readonly dataDirectory: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly metrics: MetricsConfig;
  /** `attempts`: runs of the bot, the first one included, before a message becomes a dead letter. */
  readonly handler: { readonly attempts: number; readonly timeoutMs: number };
  /** What becomes of a conversation one of whose messages was given up. */
  readonly onDeadLetter: 'continue' | 'hold';
  /** Conversations handled at once by one process. */
  readonly workerConcurrency: number;
  /** A send whose answer was lost waits this long for its status, and is then sent again or held. */
  readonly settle: { readonly waitMs: number; readonly policy: 'resend' | 'hold' };
  /** What is not a template, to somebody who has not written for 24 hours. */
  readonly outsideWindow: 'refuse' | 'try';
  /** `pair`: to one person; an `intervalMs` of 0 is no limit. */
  readonly sending: {
    readonly perSecond: number;
    readonly pair: { readonly intervalMs: number; readonly burst: number };
  };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'json' | 'pretty' };
  readonly shutdownTimeoutMs: number;
}

export type ConfigResult =
  | { readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  /** At least one error; the warnings stand among them, since one may explain the other. */
  | { readonly problems: readonly ConfigProblem[] };

/** A text for which every check holds; the first that does not says what is wrong, without showing the text. */
function text(...checks: readonly (readonly [holds: (value: string) => boolean, what: string])[]) {
  return z.string().superRefine((value, context) => {
    const failed = checks.find(([holds]) => !holds(value));
    if (failed !== undefined) context.addIssue({ code: 'custom', message: failed[1] });
  });
}

function matches(pattern: RegExp): (value: string) => boolean {
  return (value) => pattern.test(value);
}

function lacks(pattern: RegExp): (value: string) => boolean {
  return (value) => !pattern.test(value);
}

function oneOf<const Word extends string>(...words: readonly Word[]) {
  return z.enum(words, `is not one of ${words.join(', ')}`);
}

function wholeNumber(least: number, most: number) {
  const isWithin = (value: string) => /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
  return text([isWithin, `is not a whole number from ${least} to ${most}`]).transform(Number);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `250ms`, `10s`, `5m`, `1h` in milliseconds; NaN for anything else. */
function durationMs(value: string): number {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(value);
  return Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN);
}

function duration(least: string, most: string) {
  return text(
    [lacks(/^\d+$/), 'has no unit: ms, s, m or h'],
    [(value) => !Number.isNaN(durationMs(value)), 'is not a duration'],
    [(value) => durationMs(value) >= durationMs(least), `is shorter than ${least}`],
    [(value) => durationMs(value) <= durationMs(most), `is longer than ${most}`],
  ).transform(durationMs);
}

/** Of a Standard Webhooks secret (specification 1.0: between 24 and 64 bytes). */
const hasWebhookKey = (secret: string) => {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64').length;
  return bytes >= 24 && bytes <= 64;
};

const isUrl = (value: string) => URL.canParse(value);
const host = text([matches(/^[A-Za-z0-9_.:-]{1,253}$/), 'is not a host name or an address']);

/** The variables, each by itself. An empty one is unset; what concerns several of them is in config-rules.ts. */
const schema = z.object({
  NODE_ENV: oneOf('production', 'development', 'test').optional(),
  WHATSAPP_API_URL: text(
    [(value) => /^https?:\/\//.test(value) && isUrl(value), 'is not an http:// or https:// URL'],
    [lacks(/[?#@\s]/), 'has a user, a query or a fragment'],
    [lacks(/\/$/), 'ends with a slash'],
    [matches(/\/v\d+\.\d+$/), 'does not end with a version'],
  ).default('https://graph.facebook.com/v25.0'),
  WHATSAPP_PHONE_NUMBER_ID: text(
    [lacks(/^\+\d|^[\d ().-]*\d[ ().-]+\d/), 'looks like a phone number'],
    [matches(/^\d{1,32}$/), 'is not a number of at most 32 digits'],
  ),
  WHATSAPP_BUSINESS_ACCOUNT_ID: text([matches(/^\d{1,32}$/), 'is not a number of at most 32 digits']).optional(),
  WHATSAPP_ACCESS_TOKEN: text(
    [lacks(/[\r\n]/), 'contains a line break'],
    [lacks(/[\s"'`]/), 'contains a space or a quote'],
    [matches(/^[\x21-\x7e]*$/), 'contains a character that no token has'],
    [(value) => value.length >= 20, 'is shorter than 20 characters'],
  ),
  WHATSAPP_VERIFY_TOKEN: text(
    [(value) => value.length >= 8, 'is shorter than 8 characters'],
    [(value) => value.length <= 256, 'is longer than 256 characters'],
  ),
  WHATSAPP_WEBHOOK_SECRET: text(
    [(value) => !splitSecrets(value).includes(''), 'has an empty place in its list'],
    [(value) => splitSecrets(value).every(lacks(/[\s"'`]/)), 'contains a space, a line break or a quote'],
    [(value) => splitSecrets(value).every((secret) => secret.length >= 16), 'has a secret shorter than 16 characters'],
  ).transform(splitSecrets),
  NUMBERS: z.string().optional(),
  DATABASE_URL: text(
    [matches(/^postgres(ql)?:\/\//), 'does not begin with postgres:// or postgresql://'],
    [isUrl, 'is not a valid URL'],
  ).optional(),
  DATABASE_POOL: wholeNumber(1, 200).default(10),
  REDIS_URL: text(
    [matches(/^rediss?:\/\//), 'does not begin with redis:// or rediss://'],
    [isUrl, 'is not a valid URL'],
  ).optional(),
  STORE: oneOf('postgres', 'pglite', 'memory').optional(),
  DATA_DIR: z.string().default('.wahook'),
  ROLE: oneOf('all', 'web', 'worker').default('all'),
  BOT: z.string().default('bot/index.ts'),
  HANDLER_URL: text(
    [(value) => /^https?:\/\//.test(value) && isUrl(value), 'is not an http:// or https:// URL'],
    [lacks(/[#@\s]/), 'has a user or a fragment'],
  ).optional(),
  HANDLER_SECRET: text(
    [(value) => splitSecrets(value).every(matches(/^whsec_[A-Za-z0-9+/]+={0,2}$/)), 'is not whsec_ and base64'],
    [(value) => splitSecrets(value).every(hasWebhookKey), 'has a key that is not 24 to 64 bytes long'],
  )
    .transform(splitSecrets)
    .optional(),
  API_TOKEN: text(
    [matches(/^[\x21-\x7e]*$/), 'contains a space, a line break or a character that no token has'],
    [(value) => value.length >= 32, 'is shorter than 32 characters'],
  ).optional(),
  PORT: wholeNumber(0, 65_535).default(3_000),
  HOST: host.optional(),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: host.default('127.0.0.1'),
  WORKER_CONCURRENCY: wholeNumber(1, 500).default(64),
  HANDLER_RETRIES: wholeNumber(1, 100).default(5),
  HANDLER_TIMEOUT: duration('1s', '10m').default(30_000),
  ON_DEAD_LETTER: oneOf('continue', 'hold').default('continue'),
  SETTLE_WAIT: duration('1s', '24h').default(60_000),
  SETTLE_POLICY: oneOf('resend', 'hold').default('resend'),
  SEND_OUTSIDE_WINDOW: oneOf('refuse', 'try').default('refuse'),
  SEND_PER_SECOND: wholeNumber(1, 100_000).default(80),
  SEND_PAIR_INTERVAL: duration('0ms', '1h').default(6_000),
  SEND_PAIR_BURST: wholeNumber(1, 1_000).default(45),
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').default('info'),
  LOG_FORMAT: oneOf('json', 'pretty').optional(),
  SHUTDOWN_TIMEOUT: duration('1s', '10m').default(25_000),
});

type Variables = z.infer<typeof schema>;

/** The names of all variables that are read. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(schema.shape);

/**
 * Reads the environment: a frozen `Config`, or everything that is wrong with it at once. Never throws, and no problem shows
 * a value. The secrets are always required; whoever runs without real ones (the `dev` command) passes its own.
 */
export function readConfig(env: Environment): ConfigResult {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(given);
  const problems = [
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => problemOf(issue, given))),
    ...brokenRules(given),
    ...misspelledVariables(Object.keys(given), CONFIG_VARIABLES),
  ];
  if (!parsed.success || problems.some((problem) => problem.severity === 'error')) return { problems };
  return { config: freeze(configOf(parsed.data)), warnings: problems };
}

function problemOf(issue: z.core.$ZodIssue, given: Environment): ConfigProblem {
  const variable = String(issue.path[0]);
  const { why, fix } = (ADVICE as Readonly<Record<string, Advice>>)[variable] ?? { why: '', fix: '' };
  return { variable, severity: 'error', what: variable in given ? issue.message : 'is not set', why, fix };
}

function configOf(variables: Variables): Config {
  const production = variables.NODE_ENV === 'production';
  return {
    production,
    role: variables.ROLE,
    bot: variables.BOT,
    remoteHandler:
      variables.HANDLER_URL === undefined
        ? undefined
        : { url: variables.HANDLER_URL, secrets: variables.HANDLER_SECRET ?? [] },
    apiToken: variables.API_TOKEN,
    whatsapp: {
      apiUrl: variables.WHATSAPP_API_URL,
      phoneNumberId: variables.WHATSAPP_PHONE_NUMBER_ID,
      businessAccountId: variables.WHATSAPP_BUSINESS_ACCOUNT_ID,
      accessToken: variables.WHATSAPP_ACCESS_TOKEN,
      verifyToken: variables.WHATSAPP_VERIFY_TOKEN,
      webhookSecrets: variables.WHATSAPP_WEBHOOK_SECRET,
    },
    numbersFile: variables.NUMBERS,
    store: storeOf(variables),
    redisUrl: variables.REDIS_URL,
    dataDirectory: variables.DATA_DIR,
    // A developer's machine opens nothing to its network; in production a container's only way in is from outside.
    http: { host: variables.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'), port: variables.PORT },
    metrics: metricsOf(variables),
    handler: { attempts: variables.HANDLER_RETRIES, timeoutMs: variables.HANDLER_TIMEOUT },
    onDeadLetter: variables.ON_DEAD_LETTER,
    workerConcurrency: variables.WORKER_CONCURRENCY,
    settle: { waitMs: variables.SETTLE_WAIT, policy: variables.SETTLE_POLICY },
    outsideWindow: variables.SEND_OUTSIDE_WINDOW,
    sending: {
      perSecond: variables.SEND_PER_SECOND,
      pair: { intervalMs: variables.SEND_PAIR_INTERVAL, burst: variables.SEND_PAIR_BURST },
    },
    log: { level: variables.LOG_LEVEL, format: variables.LOG_FORMAT ?? (production ? 'json' : 'pretty') },
    shutdownTimeoutMs: variables.SHUTDOWN_TIMEOUT,
  };
}

function storeOf(variables: Variables): StoreConfig {
  switch (storeKindOf({ STORE: variables.STORE, DATABASE_URL: variables.DATABASE_URL })) {
    case 'postgres':
      // Set: `brokenRules` reports Postgres without an address.
      return { kind: 'postgres', url: variables.DATABASE_URL ?? '', poolSize: variables.DATABASE_POOL };
    case 'pglite':
      return { kind: 'pglite', directory: `${variables.DATA_DIR}/db` };
    case 'memory':
      return { kind: 'memory' };
  }
}

function metricsOf(variables: Variables): MetricsConfig {
  if (variables.METRICS_PORT !== undefined)
    return { where: 'own', host: variables.METRICS_HOST, port: variables.METRICS_PORT };
  return { where: 'main' };
}

/** Deeply, so that nobody can change a setting for others. */
function freeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner);
  return Object.freeze(value);
}
