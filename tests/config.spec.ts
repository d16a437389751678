import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { CONFIG_VARIABLES, type Config, readConfig } from '../src/config.ts';
import { ADVICE } from '../src/config-advice.ts';
import { type ConfigProblem, describeProblems } from '../src/config-problem.ts';
import type { Environment } from '../src/config-rules.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const OTHER_SECRET = 'fedcba9876543210fedcba9876543210';
const REQUIRED: Environment = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAtestTokenOfTwentyAndMore',
  WHATSAPP_VERIFY_TOKEN: 'a-word-of-ours',
  WHATSAPP_WEBHOOK_SECRET: SECRET,
};
const PRODUCTION: Environment = { ...REQUIRED, NODE_ENV: 'production', DATABASE_URL: 'postgres://u:p@db/wahook' };

function configOf(env: Environment): Config {
  const result = readConfig(env);
  if ('problems' in result) throw new Error(describeProblems(result.problems));
  return result.config;
}

function warningsOf(env: Environment): string[] {
  const result = readConfig(env);
  return 'warnings' in result ? result.warnings.map((problem) => `${problem.variable} ${problem.what}`) : ['(refused)'];
}

function problemsOf(env: Environment): readonly ConfigProblem[] {
  const result = readConfig(env);
  return 'problems' in result ? result.problems : [];
}

function saidAbout(env: Environment, variable: string): string[] {
  return problemsOf(env)
    .filter((problem) => problem.variable === variable && problem.severity === 'error')
    .map((problem) => problem.what);
}

const WEBHOOK_KEY = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const OTHER_WEBHOOK_KEY = `whsec_${Buffer.alloc(64, 2).toString('base64')}`;

describe('Configuration', () => {
  describe('with the required variables alone', () => {
    it('has safe defaults for a developer', () => {
      expect(configOf(REQUIRED)).to.deep.equal({
        production: false,
        role: 'all',
        bot: 'bot/index.ts',
        whatsapp: {
          apiUrl: 'https://graph.facebook.com/v25.0',
          phoneNumberId: '106540352242922',
          businessAccountId: undefined,
          accessToken: 'EAAtestTokenOfTwentyAndMore',
          verifyToken: 'a-word-of-ours',
          webhookSecrets: [SECRET],
        },
        numbersFile: undefined,
        store: { kind: 'pglite', directory: '.wahook/db' },
        redisUrl: undefined,
        dataDirectory: '.wahook',
        http: { host: '127.0.0.1', port: 3000 },
        metrics: { where: 'main' },
        handler: { attempts: 5, timeoutMs: 30_000 },
        onDeadLetter: 'continue',
        remoteHandler: undefined,
        apiToken: undefined,
        workerConcurrency: 64,
        settle: { waitMs: 60_000, policy: 'resend' },
        outsideWindow: 'refuse',
        sending: { perSecond: 80, pair: { intervalMs: 6_000, burst: 45 } },
        log: { level: 'info', format: 'pretty' },
        shutdownTimeoutMs: 25_000,
      });
      expect(warningsOf(REQUIRED)).to.deep.equal([]);
    });

    it('listens to the network, and logs for programs in production', () => {
      const config = configOf(PRODUCTION);
      expect(config.production).to.equal(true);
      expect(config.http.host).to.equal('0.0.0.0');
      expect(config.log.format).to.equal('json');
      expect(config.store).to.deep.equal({ kind: 'postgres', url: 'postgres://u:p@db/wahook', poolSize: 10 });
    });

    it('cannot be changed afterwards, at any depth', () => {
      const config = configOf(REQUIRED) as { http: { port: number }; whatsapp: { webhookSecrets: readonly string[] } };
      expect(() => {
        config.http.port = 1;
      }).to.throw(TypeError);
      expect(Object.isFrozen(config.whatsapp.webhookSecrets)).to.equal(true);
    });
  });

  it('wants a secret for a program that gets events, of the form and length of the specification', () => {
    const HANDLER_URL = 'https://bot.example.com/events';
    const variables = (env: Record<string, string>) =>
      problemsOf({ ...REQUIRED, HANDLER_URL, ...env }).map(({ variable, what }) => `${variable} ${what}`);
    expect(variables({})).to.deep.equal(['HANDLER_SECRET is not set, though HANDLER_URL is']);
    expect(variables({ HANDLER_SECRET: 'secret' })).to.deep.equal(['HANDLER_SECRET is not whsec_ and base64']);
    for (const bytes of [23, 65])
      expect(variables({ HANDLER_SECRET: `whsec_${Buffer.alloc(bytes).toString('base64')}` })).to.deep.equal([
        'HANDLER_SECRET has a key that is not 24 to 64 bytes long',
      ]);
    const HANDLER_SECRET = WEBHOOK_KEY;
    expect(variables({ HANDLER_SECRET, HANDLER_URL: 'bot:8000' })).to.deep.equal([
      'HANDLER_URL is not an http:// or https:// URL',
    ]);
    expect(variables({ HANDLER_SECRET, API_TOKEN: 'f'.repeat(31) })).to.deep.equal([
      'API_TOKEN is shorter than 32 characters',
    ]);
    expect(configOf({ ...REQUIRED, HANDLER_URL, HANDLER_SECRET }).remoteHandler).to.include({ url: HANDLER_URL });
  });

  it('reads every variable', () => {
    const config = configOf({
      ...REQUIRED,
      NODE_ENV: 'test',
      WHATSAPP_API_URL: 'http://127.0.0.1:3001/v24.0',
      WHATSAPP_WEBHOOK_SECRET: `${SECRET}, ${OTHER_SECRET}`,
      WHATSAPP_BUSINESS_ACCOUNT_ID: '102290129340398',
      NUMBERS: '/etc/wahook/numbers.json',
      DATABASE_URL: 'postgresql:///wahook?host=/run/postgresql',
      DATABASE_POOL: '20',
      REDIS_URL: 'rediss://:p%40ss@cache:6380/1',
      STORE: 'postgres',
      DATA_DIR: '/var/lib/wahook',
      ROLE: 'worker',
      BOT: 'examples/shop/index.ts',
      PORT: '0',
      HOST: '::1',
      METRICS_PORT: '9464',
      METRICS_HOST: '10.0.0.7',
      WORKER_CONCURRENCY: '500',
      HANDLER_URL: 'http://bot:8000/events?from=wahook',
      HANDLER_SECRET: `${WEBHOOK_KEY}, ${OTHER_WEBHOOK_KEY}`,
      API_TOKEN: 'f'.repeat(32),
      HANDLER_RETRIES: '1',
      HANDLER_TIMEOUT: '1500ms',
      SETTLE_WAIT: '2m',
      SETTLE_POLICY: 'hold',
      SEND_OUTSIDE_WINDOW: 'try',
      SEND_PER_SECOND: '1000',
      SEND_PAIR_INTERVAL: '0s',
      SEND_PAIR_BURST: '20',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      SHUTDOWN_TIMEOUT: '5s',
    });
    expect(config.whatsapp.apiUrl).to.equal('http://127.0.0.1:3001/v24.0');
    expect(config.whatsapp.businessAccountId).to.equal('102290129340398');
    expect(config.whatsapp.webhookSecrets).to.deep.equal([SECRET, OTHER_SECRET]);
    expect(config.store).to.deep.equal({
      kind: 'postgres',
      url: 'postgresql:///wahook?host=/run/postgresql',
      poolSize: 20,
    });
    expect(config.numbersFile).to.equal('/etc/wahook/numbers.json');
    expect(config.redisUrl).to.equal('rediss://:p%40ss@cache:6380/1');
    expect(config.dataDirectory).to.equal('/var/lib/wahook');
    expect(config.role).to.equal('worker');
    expect(config.bot).to.equal('examples/shop/index.ts');
    expect(config.remoteHandler).to.deep.equal({
      url: 'http://bot:8000/events?from=wahook',
      secrets: [WEBHOOK_KEY, OTHER_WEBHOOK_KEY],
    });
    expect(config.apiToken).to.equal('f'.repeat(32));
    expect(config.http).to.deep.equal({ host: '::1', port: 0 });
    expect(config.metrics).to.deep.equal({ where: 'own', host: '10.0.0.7', port: 9464 });
    expect(config.workerConcurrency).to.equal(500);
    expect(config.handler).to.deep.equal({ attempts: 1, timeoutMs: 1_500 });
    expect(config.settle).to.deep.equal({ waitMs: 120_000, policy: 'hold' });
    expect(config.outsideWindow).to.equal('try');
    expect(config.sending).to.deep.equal({ perSecond: 1_000, pair: { intervalMs: 0, burst: 20 } });
    expect(config.log).to.deep.equal({ level: 'debug', format: 'json' });
    expect(config.shutdownTimeoutMs).to.equal(5_000);
  });

  it('takes Postgres where a DATABASE_URL is, and the embedded one or memory where STORE says so', () => {
    expect(configOf({ ...REQUIRED, DATABASE_URL: 'postgres://db/x' }).store.kind).to.equal('postgres');
    expect(configOf({ ...REQUIRED, STORE: 'memory' }).store).to.deep.equal({ kind: 'memory' });
    expect(configOf({ ...REQUIRED, DATA_DIR: 'x' }).store).to.deep.equal({ kind: 'pglite', directory: 'x/db' });
  });

  it('takes an empty variable as not set', () => {
    expect(configOf({ ...REQUIRED, PORT: '', STORE: '', ROLE: '', HOST: '' }).http.port).to.equal(3000);
    expect(saidAbout({ ...REQUIRED, WHATSAPP_WEBHOOK_SECRET: '' }, 'WHATSAPP_WEBHOOK_SECRET')).to.deep.equal([
      'is not set',
    ]);
  });

  it('names everything that is wrong at once: missing, misshapen, in conflict and misspelled', () => {
    const problems = problemsOf({
      NODE_ENV: 'production',
      STORE: 'memory',
      PORT: 'http',
      HANDLER_TIMEOUT: '30',
      WHATSAPP_ACESS_TOKEN: 'EAAtestTokenOfTwentyAndMore',
    });
    expect(problems.map((problem) => `${problem.severity} ${problem.variable}`)).to.have.members([
      'error WHATSAPP_PHONE_NUMBER_ID',
      'error WHATSAPP_ACCESS_TOKEN',
      'error WHATSAPP_VERIFY_TOKEN',
      'error WHATSAPP_WEBHOOK_SECRET',
      'error PORT',
      'error HANDLER_TIMEOUT',
      'error STORE',
      'warning WHATSAPP_ACESS_TOKEN',
    ]);
  });

  const WRONG: readonly (readonly [variable: string, value: string, what: string])[] = [
    ['NODE_ENV', 'prod', 'is not one of production, development, test'],
    ['WHATSAPP_API_URL', 'graph.facebook.com/v25.0', 'is not an http:// or https:// URL'],
    ['WHATSAPP_API_URL', 'https://', 'is not an http:// or https:// URL'],
    ['WHATSAPP_API_URL', 'https://graph.facebook.com', 'does not end with a version'],
    ['WHATSAPP_API_URL', 'https://graph.facebook.com/v25', 'does not end with a version'],
    ['WHATSAPP_API_URL', 'https://graph.facebook.com/v25.0/', 'ends with a slash'],
    ['WHATSAPP_API_URL', 'https://me:pw@proxy.example/v25.0', 'has a user, a query or a fragment'],
    ['WHATSAPP_API_URL', 'https://graph.facebook.com/?x=/v25.0', 'has a user, a query or a fragment'],
    ['WHATSAPP_PHONE_NUMBER_ID', '+15550100001', 'looks like a phone number'],
    ['WHATSAPP_PHONE_NUMBER_ID', '1 (555) 010-0001', 'looks like a phone number'],
    ['WHATSAPP_PHONE_NUMBER_ID', 'PHONE_NUMBER_ID', 'is not a number of at most 32 digits'],
    ['WHATSAPP_PHONE_NUMBER_ID', '1'.repeat(33), 'is not a number of at most 32 digits'],
    ['WHATSAPP_ACCESS_TOKEN', 'EAAtestTokenOf\nTwentyAndMore', 'contains a line break'],
    ['WHATSAPP_ACCESS_TOKEN', 'Bearer EAAtestTokenOfTwentyAndMore', 'contains a space or a quote'],
    ['WHATSAPP_ACCESS_TOKEN', '"EAAtestTokenOfTwentyAndMore"', 'contains a space or a quote'],
    ['WHATSAPP_ACCESS_TOKEN', 'EAAtestTokenOfTwenty…', 'contains a character that no token has'],
    ['WHATSAPP_ACCESS_TOKEN', 'EAAshort', 'is shorter than 20 characters'],
    ['WHATSAPP_VERIFY_TOKEN', 'short', 'is shorter than 8 characters'],
    ['WHATSAPP_VERIFY_TOKEN', 'x'.repeat(257), 'is longer than 256 characters'],
    ['WHATSAPP_VERIFY_TOKEN', SECRET, 'is the same as WHATSAPP_WEBHOOK_SECRET'],
    ['WHATSAPP_WEBHOOK_SECRET', 'hunter2', 'has a secret shorter than 16 characters'],
    ['WHATSAPP_WEBHOOK_SECRET', `${SECRET},short`, 'has a secret shorter than 16 characters'],
    ['WHATSAPP_WEBHOOK_SECRET', `${SECRET},`, 'has an empty place in its list'],
    ['WHATSAPP_WEBHOOK_SECRET', `"${SECRET}"`, 'contains a space, a line break or a quote'],
    ['WHATSAPP_WEBHOOK_SECRET', `${SECRET} ${SECRET}`, 'contains a space, a line break or a quote'],
    ['DATABASE_URL', 'mysql://db/x', 'does not begin with postgres:// or postgresql://'],
    ['DATABASE_URL', 'postgres://u:p@ss:w/rd@[db', 'is not a valid URL'],
    ['DATABASE_POOL', '0', 'is not a whole number from 1 to 200'],
    ['DATABASE_POOL', '201', 'is not a whole number from 1 to 200'],
    ['REDIS_URL', 'http://cache', 'does not begin with redis:// or rediss://'],
    ['REDIS_URL', 'redis://[', 'is not a valid URL'],
    ['STORE', 'sqlite', 'is not one of postgres, pglite, memory'],
    ['STORE', 'toString', 'is not one of postgres, pglite, memory'],
    ['ROLE', 'both', 'is not one of all, web, worker'],
    ['PORT', '-1', 'is not a whole number from 0 to 65535'],
    ['PORT', '65536', 'is not a whole number from 0 to 65535'],
    ['PORT', '3e3', 'is not a whole number from 0 to 65535'],
    ['HOST', 'http://localhost', 'is not a host name or an address'],
    ['METRICS_PORT', 'on', 'is not a whole number from 0 to 65535'],
    ['METRICS_PORT', '3000', 'is the same as PORT'],
    ['METRICS_HOST', 'a b', 'is not a host name or an address'],
    ['WORKER_CONCURRENCY', '501', 'is not a whole number from 1 to 500'],
    ['HANDLER_RETRIES', '1.5', 'is not a whole number from 1 to 100'],
    ['HANDLER_TIMEOUT', '30', 'has no unit: ms, s, m or h'],
    ['HANDLER_TIMEOUT', '30 s', 'is not a duration'],
    ['HANDLER_TIMEOUT', '1d', 'is not a duration'],
    ['HANDLER_TIMEOUT', '999ms', 'is shorter than 1s'],
    ['HANDLER_TIMEOUT', '11m', 'is longer than 10m'],
    ['SETTLE_WAIT', '25h', 'is longer than 24h'],
    ['SETTLE_POLICY', 'drop', 'is not one of resend, hold'],
    ['LOG_LEVEL', 'verbose', 'is not one of debug, info, warn, error'],
    ['LOG_FORMAT', 'text', 'is not one of json, pretty'],
    ['SHUTDOWN_TIMEOUT', '11m', 'is longer than 10m'],
  ];
  for (const [variable, value, what] of WRONG)
    it(`refuses ${variable}=${JSON.stringify(value.slice(0, 40))} and says that it ${what}`, () => {
      expect(saidAbout({ ...REQUIRED, [variable]: value }, variable)).to.deep.equal([what]);
    });

  it('has an explanation for every variable that can be refused', () => {
    const refusable = CONFIG_VARIABLES.filter((name) => !['BOT', 'DATA_DIR', 'NUMBERS'].includes(name));
    expect(Object.keys(ADVICE)).to.have.members(refusable);
  });

  it('shows no value of any variable, whatever is wrong with it', () => {
    const canary = 'canary:EAAcanary"\nc4n4ry';
    const env = Object.fromEntries(CONFIG_VARIABLES.map((name) => [name, canary]));
    const problems = problemsOf({ ...env, WHATSAPP_VERIFY_TOKE: canary });
    expect(problems.length).to.be.greaterThan(18);
    expect(describeProblems(problems)).not.to.match(/canary|c4n4ry/i);
    expect(JSON.stringify(problems)).not.to.match(/canary|c4n4ry/i);
  });

  describe('in production', () => {
    it('refuses stores that lose messages', () => {
      for (const STORE of ['memory', 'pglite'])
        expect(saidAbout({ ...PRODUCTION, STORE }, 'STORE')).to.deep.equal([`is ${STORE}, which production refuses`]);
    });

    it('needs a database', () => {
      expect(saidAbout({ ...PRODUCTION, DATABASE_URL: undefined }, 'DATABASE_URL')).to.deep.equal(['is not set']);
    });

    it('sends the access token through TLS, or not off this machine', () => {
      const withUrl = (url: string) => saidAbout({ ...PRODUCTION, WHATSAPP_API_URL: url }, 'WHATSAPP_API_URL');
      expect(withUrl('http://graph.facebook.com/v25.0')).to.deep.equal(['is not https, which production refuses']);
      expect(withUrl('http://127.0.0.1.example/v25.0')).to.deep.equal(['is not https, which production refuses']);
      for (const url of ['http://127.0.0.1:3001/v25.0', 'http://localhost/v25.0', 'http://[::1]:1/v25.0'])
        expect(withUrl(url), url).to.deep.equal([]);
    });
  });

  it('needs a database for STORE=postgres also outside production', () => {
    expect(saidAbout({ ...REQUIRED, STORE: 'postgres' }, 'DATABASE_URL')).to.deep.equal(['is not set']);
  });

  it('lets two listeners share "any free port"', () => {
    expect(configOf({ ...REQUIRED, PORT: '0', METRICS_PORT: '0' }).metrics).to.include({ where: 'own', port: 0 });
  });

  describe('warns and goes on', () => {
    it('when the secret has not the form of an app secret', () => {
      const warnings = warningsOf({ ...REQUIRED, WHATSAPP_WEBHOOK_SECRET: 'test_app_secret_0' });
      expect(warnings).to.deep.equal(['WHATSAPP_WEBHOOK_SECRET is not 32 hex characters (0-9, a-f)']);
    });

    it('when the phone number ID is as short as a phone number', () => {
      const warnings = warningsOf({ ...REQUIRED, WHATSAPP_PHONE_NUMBER_ID: '15550100001' });
      expect(warnings).to.deep.equal(['WHATSAPP_PHONE_NUMBER_ID is as short as a phone number']);
    });

    it('when the work is split, but not the store, and when the database is not used', () => {
      const env = { ...REQUIRED, ROLE: 'web', STORE: 'memory', DATABASE_URL: 'postgres://db/x' };
      expect(warningsOf(env)).to.deep.equal([
        'STORE is not postgres, though DATABASE_URL is set',
        'ROLE splits the work, but the store belongs to one process',
      ]);
    });

    it('when a name is nearly one of ours, and names the nearest', () => {
      const result = readConfig({
        ...REQUIRED,
        WHATSAPP_API_ULR: 'x',
        WHATSAPP_APP_ID: '1',
        WHATSAPP_OTHER_THING: 'y',
      });
      const warnings = 'warnings' in result ? result.warnings : [];
      expect(warnings.map((warning) => warning.variable)).to.deep.equal(['WHATSAPP_API_ULR']);
      expect(warnings[0]?.fix).to.contain('WHATSAPP_API_URL');
    });
  });
});

describe('Problems of a configuration', () => {
  it('are told as what, why and fix, errors first, in lines that fit a terminal', () => {
    const warning: ConfigProblem = {
      variable: 'WHATSAPP_APP_SECERT',
      severity: 'warning',
      what: 'is set, but nothing reads it',
      why: 'A slip.',
      fix: 'Rename it.',
    };
    const error: ConfigProblem = {
      variable: 'WHATSAPP_WEBHOOK_SECRET',
      severity: 'error',
      what: 'is not set',
      why: 'Meta signs every webhook with your app secret. Without it this service cannot tell real from forged.',
      fix: 'Look it up, then:\nWHATSAPP_WEBHOOK_SECRET=<32 hex characters>',
    };
    expect(describeProblems([warning, error]).split('\n')).to.deep.equal([
      '✗ WHATSAPP_WEBHOOK_SECRET is not set',
      '  Why  Meta signs every webhook with your app secret. Without it this service',
      '       cannot tell real from forged.',
      '  Fix  Look it up, then:',
      '       WHATSAPP_WEBHOOK_SECRET=<32 hex characters>',
      '',
      '! WHATSAPP_APP_SECERT is set, but nothing reads it',
      '  Why  A slip.',
      '  Fix  Rename it.',
    ]);
  });

  it('fit 80 columns for every variable that is missing or wrong', () => {
    const env = Object.fromEntries(CONFIG_VARIABLES.map((name) => [name, '?']));
    for (const line of describeProblems(problemsOf({ ...env, NODE_ENV: 'production' })).split('\n'))
      expect(line.length, line).to.be.at.most(80);
  });
});

describe('.env.example', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const example = parseEnv(text) as Record<string, string>;

  it('has every variable that is read, and no other', () => {
    expect(Object.keys(example)).to.have.members(CONFIG_VARIABLES);
  });

  it('explains each variable in the line above it', () => {
    const lines = text.split('\n');
    for (const [index, line] of lines.entries())
      if (/^[A-Z_]+=/.test(line)) expect(lines[index - 1], line).to.match(/^# \S/);
  });

  it('gives away no secret that somebody could leave in place', () => {
    for (const name of Object.keys(REQUIRED)) expect(example[name], name).to.equal('');
  });

  it('is what holds without it, once the required variables are filled in', () => {
    expect(configOf({ ...example, ...REQUIRED })).to.deep.equal(configOf(REQUIRED));
    expect(warningsOf({ ...example, ...REQUIRED })).to.deep.equal([]);
  });
});
