import type { Mutant } from './mutant.ts';

const ROWS = 'src/adapters/postgres/lane-rows.ts';
const SETTLEMENT = 'src/adapters/postgres/lane-settlement.ts';
const SCHEDULER = 'src/adapters/postgres/lane-scheduler.ts';
const HANDLE = 'src/core/handle-event.ts';

/** Between the fetch of a conversation and the COMMIT of a handler's effects. */
export const HANDLING_MUTANTS: readonly Mutant[] = [
  {
    name: 'random-order',
    flaw: 'What waits in a conversation is handled in no particular order.',
    file: ROWS,
    find: 'ORDER BY lane, seq LIMIT burst + 1',
    replace: 'ORDER BY random() LIMIT burst + 1',
    scenario: 'calm',
    shows: ['outOfOrder'],
  },
  {
    name: 'two-workers-a-conversation',
    flaw: 'A conversation may have several active jobs, and so several workers.',
    file: SCHEDULER,
    find: `{ policy: 'stately', ...LANE_JOBS }`,
    replace: `{ policy: 'standard', ...LANE_JOBS }`,
    scenario: 'calm',
    shows: ['twice', 'outOfOrder', 'repliesTwice'],
  },
  {
    name: 'no-fence',
    flaw: 'A worker settles although its conversation was given to another one.',
    file: SETTLEMENT,
    find: 'return new Set([...held, ...released]);',
    replace: 'return new Set([...held, ...released, ...staying, ...leaving]);',
    scenario: 'worker freezes',
    shows: ['lost', 'twice', 'outOfOrder'],
  },
  {
    name: 'outbox-before-the-rest',
    flaw: 'Replies are stored in a transaction of their own before the message is settled, and each run gives them new ids.',
    file: SETTLEMENT,
    find: 'const outbound = sends.length > 0 ? await this.#outbox.insert(tx, sends) : [];',
    replace: `const { database } = this.#options;
    const renamed = sends.map((send) => {
      const sendId = crypto.randomUUID();
      return { ...send, key: { ...send.key, id: sendId }, payload: { ...send.payload, sendId } };
    });
    const outbound = sends.length > 0 ? await database.transaction((own) => this.#outbox.insert(own, renamed)) : [];`,
    scenario: 'worker dies handling',
    shows: ['twice'],
  },
  {
    name: 'outbox-after-the-rest',
    flaw: 'Replies are stored after the message is settled.',
    file: SETTLEMENT,
    find: 'const outbound = sends.length > 0 ? await this.#outbox.insert(tx, sends) : [];',
    replace: `const outbound = [] as string[];
    const { database, scheduler } = this.#options;
    const late = () => database.transaction((own) => this.#outbox.insert(own, sends));
    if (sends.length > 0) setTimeout(() => void late().then((lanes) => scheduler.wake('outbound', lanes)), 50);`,
    scenario: 'worker dies handling',
    shows: ['lost', 'outOfOrder', 'repliesLost'],
  },
  {
    name: 'sends-from-the-handler',
    flaw: 'A reply goes to Meta the moment the handler makes it.',
    file: 'src/container.ts',
    find: 'return new BotHandler(await loadBot(config.bot));',
    replace: `const bot = new BotHandler(await loadBot(config.bot));
        const { GraphGateway } = await import('./adapters/meta/graph-gateway.ts');
        const { apiUrl, accessToken } = config.whatsapp;
        const options = { apiUrl, accessToken, limits: TIME_LIMITS.graph };
        const gateway = new GraphGateway({ ...options, metrics: { count() {}, observe() {} } });
        const handle: EventHandler['handle'] = (event, run) =>
          bot.handle(event, { ...run, send: (message) => void gateway.send(message) });
        return { listensTo: (event) => bot.listensTo(event), handle };`,
    scenario: 'worker dies handling',
    shows: ['lost', 'twice', 'outOfOrder'],
  },
  {
    name: 'dead-after-one-crash',
    flaw: 'A message whose process died once is taken for its murderer and set aside.',
    file: HANDLE,
    find: 'const KILLER_INTERRUPTIONS = 5;',
    replace: 'const KILLER_INTERRUPTIONS = 1;',
    scenario: 'worker dies handling',
    shows: ['lost'],
  },
  {
    name: 'failed-run-sends',
    flaw: 'What a handler wanted to send is sent although it failed.',
    file: 'src/core/handler-run.ts',
    find: 'send: (message) => void sends.push({',
    replace: 'send: (message) => context.send({',
    scenario: 'handler fails',
    shows: ['twice'],
  },
  {
    name: 'retry-goes-to-the-back',
    flaw: 'While a failed message waits for its next run, the ones behind it are handled.',
    file: ROWS,
    find: 'ORDER BY lane, seq LIMIT burst + 1',
    replace: 'AND (next_attempt_at IS NULL OR next_attempt_at <= now()) ORDER BY lane, seq LIMIT burst + 1',
    scenario: 'handler fails',
    shows: ['outOfOrder'],
  },
  {
    name: 'failed-means-over',
    flaw: 'A handler that failed is not run again.',
    file: HANDLE,
    find: 'if (attempt >= attempts) {',
    replace: 'if (attempt >= 1) {',
    scenario: 'handler fails',
    shows: ['lost'],
  },
  {
    name: 'no-sweep',
    flaw: 'Nobody looks for messages that are due again, or whose wake-up was lost: a failed one blocks its conversation.',
    file: 'src/adapters/postgres/lane-consumer.ts',
    find: 'this.#sweeping ??= this.#options.sweep',
    replace: 'if (this.#options) return;\n    this.#sweeping ??= this.#options.sweep',
    scenario: 'handler fails',
    shows: ['lost'],
  },
];
