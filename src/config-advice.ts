export interface Advice {
  /** Why the variable is there, or what goes wrong with a wrong value. */
  readonly why: string;
  readonly fix: string;
}

const API_SETUP = 'App Dashboard → WhatsApp → API Setup';

/** For each variable that can be wrong by itself. */
export const ADVICE = {
  NODE_ENV: {
    why: 'It decides whether the strict rules of production apply; a misspelled word would switch them off unnoticed.',
    fix: 'Use NODE_ENV=production where real customers write (also for staging), or leave it out.',
  },
  WHATSAPP_API_URL: {
    why: 'All requests to Meta go to this address plus a path, and its version decides what they mean.',
    fix: 'Use https://graph.facebook.com/v25.0',
  },
  WHATSAPP_PHONE_NUMBER_ID: {
    why: 'It says which number this service is for; replies go out from the number that was written to. A number and its ID are two things.',
    fix: `${API_SETUP} → "Phone number ID", digits only.`,
  },
  WHATSAPP_BUSINESS_ACCOUNT_ID: {
    why: 'The templates that other programs send are compared with those of this account, before they are taken.',
    fix: `${API_SETUP} → "WhatsApp Business Account ID", digits only; or leave it out.`,
  },
  WHATSAPP_ACCESS_TOKEN: {
    why: 'Meta issues it as one long word; without it, or with anything added or missing, every send is refused.',
    fix: `Copy it again, without quotes and spaces and on one line: ${API_SETUP}, or the permanent token of a system user.`,
  },
  WHATSAPP_VERIFY_TOKEN: {
    why: 'Meta repeats this word when it checks your callback URL. It is the only proof that whoever sets the URL up knows this service.',
    fix: 'Make one of 8 to 256 characters: openssl rand -hex 16\nSet it here and in the App Dashboard: WhatsApp → Configuration → Webhook.',
  },
  WHATSAPP_WEBHOOK_SECRET: {
    why: 'Meta signs every webhook with your app secret. Without it, or with one that can be guessed, this service cannot tell a real webhook from a forged one, so it does not start.',
    fix: 'App Dashboard → App settings → Basic → App secret → Show, then:\nWHATSAPP_WEBHOOK_SECRET=<32 hex characters>\nWhile you change it, both: new,old',
  },
  DATABASE_URL: {
    why: 'The store is Postgres, found by this URL.',
    fix: 'Write postgres://user:password@host:5432/name\nSpecial characters in the password are written as %XX, e.g. %40 for @.',
  },
  DATABASE_POOL: {
    why: 'So many connections this process opens to Postgres; all processes together must stay below its max_connections.',
    fix: 'Use 10 unless you have measured.',
  },
  REDIS_URL: {
    why: 'Redis remembers what was seen, in front of the store.',
    fix: 'Write redis://host:6379, rediss:// for TLS, or leave it out: Redis is optional.\nSpecial characters in a password are written as %XX, e.g. %40 for @.',
  },
  STORE: {
    why: 'It says where messages are kept.',
    fix: 'Use postgres (production), pglite (embedded, on this machine) or memory (tests).',
  },
  ROLE: {
    why: 'It says what this process does: receive (web), handle and send (worker), or all of it.',
    fix: 'Use all, web or worker.',
  },
  PORT: { why: 'Webhooks arrive on this port.', fix: 'Use a free port, e.g. PORT=3000; 0 takes any.' },
  HOST: {
    why: 'This service listens on this address of this machine.',
    fix: 'Use 127.0.0.1 (this machine alone) or 0.0.0.0 (every network), without http:// and port.',
  },
  METRICS_PORT: {
    why: 'Metrics are served on this port, which strangers should not reach.',
    fix: 'Use a free port, e.g. METRICS_PORT=9464, or leave it out.',
  },
  METRICS_HOST: {
    why: 'Metrics are served on this address of this machine.',
    fix: 'Use 127.0.0.1 (this machine alone) or 0.0.0.0 (every network), without http:// and port.',
  },
  WORKER_CONCURRENCY: {
    why: 'So many conversations one process handles at once.',
    fix: 'Use 64 unless you have measured.',
  },
  HANDLER_URL: {
    why: 'A program at this URL is the bot, in the place of the file that BOT names: it gets every event as a POST.',
    fix: 'Write https://bot.example.com/events, or leave it out.',
  },
  HANDLER_SECRET: {
    why: 'Events that go to HANDLER_URL are signed with it (Standard Webhooks).',
    fix: 'HANDLER_SECRET=whsec_$(openssl rand -base64 32)\nWhile you change it, both: new,old',
  },
  API_TOKEN: {
    why: 'Whoever has it may send messages to anybody by POST /api/messages; without it there is no such address.',
    fix: 'API_TOKEN=$(openssl rand -hex 32), or leave it out.',
  },
  HANDLER_RETRIES: {
    why: 'After so many failed runs of the bot a message becomes a dead letter.',
    fix: 'Use 5; 1 gives up at the first failure.',
  },
  HANDLER_TIMEOUT: {
    why: 'A run of the bot that takes longer counts as failed.',
    fix: 'Write a number with ms, s, m or h, e.g. HANDLER_TIMEOUT=30s',
  },
  ON_DEAD_LETTER: {
    why: 'It decides whether a conversation goes on after a message that was given up.',
    fix: 'Use continue (it goes on) or hold (it waits until a person redrives or discards the message).',
  },
  SETTLE_WAIT: {
    why: "When the answer to a send is lost, this service waits this long for the message's status before it decides.",
    fix: 'Write a number with ms, s, m or h, e.g. SETTLE_WAIT=60s; much less than 30s repeats messages that did arrive.',
  },
  SETTLE_POLICY: {
    why: 'It decides about a message whose answer was lost and whose status did not come.',
    fix: 'Use resend (never lost, rarely sent twice) or hold (never twice; a person decides).',
  },
  SEND_OUTSIDE_WINDOW: {
    why: 'Meta delivers only templates to somebody who has not written for 24 hours, and refuses everything else.',
    fix: 'Use refuse (known without asking Meta; the fallback of the message goes instead) or try (Meta is asked each time).',
  },
  SEND_PER_SECOND: {
    why: 'Meta counts all messages of a number, in and out, and refuses what is more than so many a second.',
    fix: 'Use 80, or 20 if the number is used in the WhatsApp Business app too; up to 1000 once Meta has raised it.',
  },
  SEND_PAIR_INTERVAL: {
    why: 'Meta lets through one message in this time to one person, apart from bursts.',
    fix: 'Use 6s; 0s switches this limit off, for an API that has none.',
  },
  SEND_PAIR_BURST: {
    why: 'So many messages may go to one person at once; they are taken from what would be allowed later.',
    fix: 'Use 45, or less if Meta refuses messages with 131056 all the same.',
  },
  LOG_LEVEL: { why: 'It says how much is logged.', fix: 'Use debug, info, warn or error.' },
  LOG_FORMAT: { why: 'It says for whom is logged.', fix: 'Use json (for programs) or pretty (for people).' },
  SHUTDOWN_TIMEOUT: {
    why: 'After a stop signal, running work may take this long; Kubernetes kills after 30 s.',
    fix: 'Write a number with ms, s, m or h, e.g. SHUTDOWN_TIMEOUT=25s',
  },
} as const satisfies Readonly<Record<string, Advice>>;
