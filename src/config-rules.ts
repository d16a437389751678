import type { ConfigProblem } from './config-problem.ts';

/** The environment with empty strings left out: set to nothing is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type StoreKind = 'postgres' | 'pglite' | 'memory';

function isProduction(env: Environment): boolean {
  return env['NODE_ENV'] === 'production';
}

/** What STORE says, else Postgres where a DATABASE_URL is, else the embedded one. */
export function storeKindOf(env: Environment): StoreKind {
  const named = env['STORE'];
  if (named === 'postgres' || named === 'pglite' || named === 'memory') return named;
  return env['DATABASE_URL'] === undefined ? 'pglite' : 'postgres';
}

/** The secrets of `new,old`, without the spaces around them. */
export function splitSecrets(value: string): readonly string[] {
  return value.split(',').map((secret) => secret.trim());
}

interface Rule extends ConfigProblem {
  readonly broken: (env: Environment) => boolean;
}

/** The conventional place of a server on this machine: what it is told there does not cross a network. */
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

const DATABASE_FIX = 'Set DATABASE_URL=postgres://user:password@host:5432/name';

/** What more than one variable, or the kind of run, decides. Looked at also when single variables are wrong. */
const RULES: readonly Rule[] = [
  {
    variable: 'DATABASE_URL',
    severity: 'error',
    broken: (env) => env['DATABASE_URL'] === undefined && (env['STORE'] === 'postgres' || needsDatabase(env)),
    what: 'is not set',
    why: 'A webhook is confirmed to Meta only when it is stored, and the store is Postgres: in production always, elsewhere with STORE=postgres.',
    fix: `${DATABASE_FIX}\nTo try without one: STORE=pglite, outside production.`,
  },
  {
    variable: 'STORE',
    severity: 'error',
    broken: (env) => isProduction(env) && env['STORE'] === 'memory',
    what: 'is memory, which production refuses',
    why: 'A store in memory loses every message at a restart, after Meta was told that they were received.',
    fix: `Use STORE=postgres. ${DATABASE_FIX}`,
  },
  {
    variable: 'STORE',
    severity: 'error',
    broken: (env) => isProduction(env) && env['STORE'] === 'pglite',
    what: 'is pglite, which production refuses',
    why: 'The embedded Postgres does not force its writes to the disk: a power failure loses messages that Meta was told were received. It also serves one process only.',
    fix: `Use STORE=postgres. ${DATABASE_FIX}`,
  },
  {
    variable: 'STORE',
    severity: 'warning',
    broken: (env) => env['DATABASE_URL'] !== undefined && storeKindOf(env) !== 'postgres',
    what: 'is not postgres, though DATABASE_URL is set',
    why: 'DATABASE_URL is read by STORE=postgres only; what is stored elsewhere is not in that database.',
    fix: 'Remove STORE to use the database, or DATABASE_URL to make it clear that it is not used.',
  },
  {
    variable: 'ROLE',
    severity: 'warning',
    broken: (env) => ['web', 'worker'].includes(env['ROLE'] ?? '') && storeKindOf(env) !== 'postgres',
    what: 'splits the work, but the store belongs to one process',
    why: 'A web process stores messages for the workers, and a worker finds them there. Only Postgres is shared by processes.',
    fix: 'Use ROLE=all, or STORE=postgres with DATABASE_URL.',
  },
  {
    variable: 'WHATSAPP_API_URL',
    severity: 'error',
    broken: (env) => isProduction(env) && sendsInClear(env['WHATSAPP_API_URL']),
    what: 'is not https, which production refuses',
    why: 'Every request carries the access token; without TLS everyone on the way can read it.',
    fix: 'Use https://graph.facebook.com/v25.0. Plain http is accepted for this machine only, e.g. http://127.0.0.1:3001/v25.0',
  },
  {
    variable: 'WHATSAPP_VERIFY_TOKEN',
    severity: 'error',
    broken: (env) => secretsOf(env).includes(env['WHATSAPP_VERIFY_TOKEN'] ?? ''),
    what: 'is the same as WHATSAPP_WEBHOOK_SECRET',
    why: 'The verify token travels in URLs, which proxies write into their logs. Whoever reads it there could then sign webhooks.',
    fix: 'Choose another verify token, here and in the App Dashboard: WhatsApp → Configuration → Webhook.',
  },
  {
    variable: 'WHATSAPP_WEBHOOK_SECRET',
    severity: 'warning',
    broken: (env) => secretsOf(env).some((secret) => secret.length >= 16 && !/^[0-9a-f]{32}$/.test(secret)),
    what: 'is not 32 hex characters (0-9, a-f)',
    why: "Meta's app secrets have that form. With another secret the signatures of real webhooks do not match and all are refused with 401.",
    fix: 'Copy it again: App Dashboard → App settings → Basic → App secret → Show. Fine as it is for the simulator.',
  },
  {
    variable: 'WHATSAPP_PHONE_NUMBER_ID',
    severity: 'warning',
    broken: (env) => /^\d{7,13}$/.test(env['WHATSAPP_PHONE_NUMBER_ID'] ?? ''),
    what: 'is as short as a phone number',
    why: 'The ID is not the number: it usually has 15 digits or more. With the number in its place every send fails.',
    fix: 'Copy the "Phone number ID" from the App Dashboard: WhatsApp → API Setup.',
  },
  {
    variable: 'HANDLER_SECRET',
    severity: 'error',
    broken: (env) => env['HANDLER_URL'] !== undefined && env['HANDLER_SECRET'] === undefined,
    what: 'is not set, though HANDLER_URL is',
    why: 'By the signature the program at HANDLER_URL knows that an event is from this service; without one anybody could make its bot act.',
    fix: 'HANDLER_SECRET=whsec_$(openssl rand -base64 32), there and here.',
  },
  {
    variable: 'METRICS_PORT',
    severity: 'error',
    broken: (env) => env['METRICS_PORT'] !== '0' && env['METRICS_PORT'] === (env['PORT'] ?? '3000'),
    what: 'is the same as PORT',
    why: 'Metrics have a port of their own so that strangers who may send webhooks cannot read them.',
    fix: 'Choose another one, e.g. METRICS_PORT=9464',
  },
];

/** The rules that `env` breaks. */
export function brokenRules(env: Environment): readonly ConfigProblem[] {
  return RULES.filter((rule) => rule.broken(env)).map(({ broken: _broken, ...problem }) => problem);
}

function needsDatabase(env: Environment): boolean {
  return isProduction(env) && env['STORE'] === undefined;
}

function secretsOf(env: Environment): readonly string[] {
  return splitSecrets(env['WHATSAPP_WEBHOOK_SECRET'] ?? '').filter((secret) => secret !== '');
}

function sendsInClear(apiUrl: string | undefined): boolean {
  const url = URL.parse(apiUrl ?? 'https://graph.facebook.com');
  return url?.protocol === 'http:' && !LOOPBACK_HOSTS.includes(url.hostname);
}
