import type { Mutant } from './mutant.ts';

const EVENTS = 'src/adapters/postgres/postgres-event-store.ts';
const CACHE = 'src/adapters/redis/redis-dedup-cache.ts';
const RECEIVE = 'src/core/receive-webhook.ts';

const ACCEPTED = `{ outcome: 'accepted', fresh: 0, duplicate: 0, quarantined: 0 }`;

/** Between Meta's POST and its 200. */
export const RECEIVING_MUTANTS: readonly Mutant[] = [
  {
    name: 'ack-before-commit',
    flaw: 'The 200 goes out while the COMMIT is under way.',
    file: RECEIVE,
    find: 'return await this.#withinDeadline(accepted);',
    replace: `accepted.catch(() => {}); return ${ACCEPTED};`,
    scenario: 'web dies',
    shows: ['lost', 'outOfOrder'],
  },
  {
    name: 'ack-on-storage-error',
    flaw: 'A database that is not there is answered with 200.',
    file: RECEIVE,
    find: `return this.#unavailable('storage', error.message);`,
    replace: `return ${ACCEPTED};`,
    scenario: 'store fails',
    shows: ['lost', 'outOfOrder'],
  },
  {
    name: 'ack-on-bug',
    flaw: 'An unexpected error while storing is answered with 200, so that Meta does not complain.',
    file: RECEIVE,
    find: '    throw error;\n',
    replace: `    return ${ACCEPTED};\n`,
    scenario: 'store fails',
    shows: ['lost', 'outOfOrder'],
  },
  {
    name: 'commit-not-durable',
    flaw: 'COMMIT is answered before it is on the disk (synchronous_commit is off).',
    file: 'src/adapters/postgres/postgres-database.ts',
    find: `synchronous_commit: 'on'`,
    replace: `synchronous_commit: 'off'`,
    scenario: 'store fails',
    shows: ['lost', 'twice', 'outOfOrder', 'repliesTwice'],
  },
  {
    name: 'nx-before-enqueue',
    flaw: 'SET NX in Redis says that an element is known before it is stored.',
    file: CACHE,
    find: 'const known = await this.#lookup(redisKeys);',
    replace: `const known = new Set<string>();
    for (const [id, key] of redisKeys) {
      const set = await within(1_000, this.#redis.set(key, 'd', 'EX', 900, 'NX')).catch(() => 'OK');
      if (set === null) known.add(id);
    }`,
    scenario: 'web dies',
    shows: ['lost'],
  },
  {
    name: 'cache-before-commit',
    flaw: 'The cache is told of a key before the database has recorded it.',
    file: CACHE,
    find: 'const result = await ask(rest);',
    replace: `await this.#mark(rest.map(({ id }) => redisKeys.get(id) as string)).catch(() => {});
    const result = await ask(rest);`,
    scenario: 'web dies',
    shows: ['lost'],
  },
  {
    name: 'redis-is-the-authority',
    flaw: 'Redis alone says what is new; the unique key in Postgres is not asked.',
    file: CACHE,
    find: 'return events.store(all.filter(({ key }) => wanted.has(key.id)));',
    replace: `const asked = all.filter(({ key }) => wanted.has(key.id));
          const renamed = asked.map((one) => ({ ...one, key: { ...one.key, id: crypto.randomUUID() } }));
          return events.store(renamed).then(() => ({ fresh: rest.map(({ id }) => id), duplicate: [], busy: [] }));`,
    scenario: 'calm with redis',
    shows: ['twice'],
  },
  {
    name: 'dedup-per-body',
    flaw: 'What is remembered is the body of a webhook, not its elements.',
    file: RECEIVE,
    find: 'const elements = this.#decode(rawBody);',
    replace: `const body = rawBody.reduce((sum, byte) => (sum * 31 + byte) | 0, 7);
    const elements = this.#decode(rawBody).map((element) =>
      element.kind === 'event' ? { ...element, key: { ...element.key, id: element.key.id + '|' + body } } : element);`,
    scenario: 'calm',
    shows: ['twice'],
  },
  {
    name: 'poison-takes-the-batch',
    flaw: 'A webhook with an element that cannot be stored is answered with 200, and nothing of it is stored.',
    file: RECEIVE,
    find: 'const elements = this.#decode(rawBody);',
    replace: `const elements = this.#decode(rawBody);
    if (elements.some(({ kind }) => kind === 'quarantined')) return ${ACCEPTED};`,
    scenario: 'calm',
    shows: ['lost', 'outOfOrder'],
  },
  {
    name: 'poison-is-forgotten',
    flaw: 'What cannot be stored is counted and kept nowhere; its neighbours are stored.',
    file: 'src/core/intake.ts',
    find: 'await this.#quarantine.keep(pieces);',
    replace: '',
    scenario: 'calm',
    shows: ['lost'],
  },
  {
    name: 'status-is-forgotten',
    flaw: 'Statuses that come together with messages are dropped.',
    file: EVENTS,
    find: 'values: valuesOf(jobs),',
    replace: `values: valuesOf(
        jobs.some(({ queue }) => queue === 'messages') ? jobs.filter(({ queue }) => queue !== 'statuses') : jobs,
      ),`,
    scenario: 'calm',
    shows: ['lost'],
  },
  {
    name: 'keys-forgotten-soon',
    flaw: 'Dedup keys live for two seconds in place of 15 days.',
    file: EVENTS,
    find: 'const ids = jobs.map(({ key }) => key.id);',
    replace: `const ids = jobs.map(({ key }) => key.id);
    const digests = jobs.map(({ key }) => digestOf(key));
    const text = 'DELETE FROM wahook.event_key WHERE digest = ANY ($1::bytea[])';
    setTimeout(() => void this.#database.query({ text, values: [digests] }).catch(() => {}), 2_000);`,
    scenario: 'calm',
    shows: ['twice'],
  },
  {
    name: 'keys-in-their-own-transaction',
    flaw: 'Dedup keys are committed before the jobs are inserted.',
    file: EVENTS,
    find: `const stored = await this.#database.query<{ readonly event_key: string }>({
      name: 'events-accept',
      text: ACCEPT,
      values: valuesOf(jobs),
    });`,
    replace: `const recorded = await this.#database.query<{ readonly digest: Uint8Array }>({
      text: RECORD_KEYS,
      values: valuesOf(jobs).slice(0, 2),
    });
    const isNew = new Set(recorded.map(({ digest }) => Buffer.from(digest).toString('hex')));
    const stored = await this.#database.query<{ readonly event_key: string }>({
      name: 'events-accept',
      text: ACCEPT.replace(RECORD_KEYS, 'SELECT unnest($2::bytea[]) AS digest'),
      values: valuesOf(jobs.filter(({ key }) => isNew.has(digestOf(key).toString('hex')))),
    });`,
    scenario: 'web dies',
    shows: ['lost'],
  },
  {
    name: 'dropped-insert',
    flaw: 'A message of a conversation in which one waits already is dropped without a word.',
    file: EVENTS,
    find: 'WHERE (SELECT count(*) FROM held) >= 0',
    replace: `WHERE (SELECT count(*) FROM held) >= 0 AND NOT EXISTS (
    SELECT FROM wahook.inbox AS other
    WHERE other.queue = fresh.queue AND other.lane = fresh.lane AND other.state = 'waiting')`,
    scenario: 'calm',
    shows: ['lost'],
  },
  {
    name: 'webhook-in-any-order',
    flaw: 'What one webhook brings of a conversation is numbered in no particular order.',
    file: EVENTS,
    find: 'ORDER BY place\n',
    replace: 'ORDER BY random()\n',
    scenario: 'calm',
    shows: ['outOfOrder'],
  },
  {
    name: 'wake-up-only',
    flaw: 'A conversation whose wake-up died with its process is not looked for.',
    file: 'src/adapters/postgres/lane-sweep.ts',
    find: 'lanes: rows.filter(({ due }) => due).map(({ lane }) => lane),',
    replace: 'lanes: [],',
    scenario: 'web dies',
    shows: ['lost'],
  },
];
