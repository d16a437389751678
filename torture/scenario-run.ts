import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster } from './cluster.ts';
import { Customers } from './customers.ts';
import { planFaults } from './fault-plan.ts';
import { Faults } from './faults.ts';
import { GraphEndpoint } from './graph-endpoint.ts';
import { Ledger } from './ledger.ts';
import { NetworkProxy } from './network-proxy.ts';
import { Random } from './random.ts';
import { type Facts, ReceiverDatabase } from './receiver-database.ts';
import type { Progress, Receiver, ScenarioOptions, Verdict } from './scenario.ts';
import { Sender } from './sender.ts';
import type { Servers } from './servers.ts';
import { SETTINGS } from './webhook.ts';

const WAHOOK: Receiver = {
  name: 'wahook',
  command: [process.execPath, join(import.meta.dirname, '../src/main.ts')],
  env: { BOT: join(import.meta.dirname, 'bot.ts') },
  isWahook: true,
};

/** After the 200; not longer than the drain takes anyway. */
const LATEST_DUPLICATE_MS = 20_000;
const PROGRESS_MS = 200;
const LOOK_MS = 500;
/** On top of SETTLE_WAIT, within which a reply may rightly wait for its status. */
const STALL_MS = 75_000;
/** A receiver whose tables are unknown is given so long to send something twice after everything is there. */
const QUIET_MS = 10_000;
/** A Postgres that has just come back may have to be asked again. */
const FACTS_TRIES = 20;

/** One scenario while it runs. */
export class ScenarioRun {
  readonly #options: ScenarioOptions;
  readonly #receiver: Receiver;
  readonly #servers: Servers;
  readonly #ledger = new Ledger();
  readonly #startedAt = performance.now();
  readonly #open: AsyncDisposableStack;
  readonly #logs: string;
  #phase: Progress['phase'] = 'starting';
  #deaths = 0;
  #faults: Faults | undefined;
  #graph: GraphEndpoint | undefined;
  #sender: Sender | undefined;
  #database: ReceiverDatabase | undefined;

  private constructor(options: ScenarioOptions, servers: Servers, logs: string, open: AsyncDisposableStack) {
    this.#options = options;
    this.#receiver = options.receiver ?? WAHOOK;
    this.#servers = servers;
    this.#logs = logs;
    this.#open = open;
  }

  static async toTheEnd(options: ScenarioOptions, servers: Servers, logs: string): Promise<Verdict> {
    await using open = new AsyncDisposableStack();
    const run = new ScenarioRun(options, servers, logs, open);
    const timer = setInterval(() => options.onProgress?.(run.#progress()), PROGRESS_MS);
    open.defer(() => clearInterval(timer));
    return await run.#run();
  }

  async #run(): Promise<Verdict> {
    const { seed, messages, rate, settleWaitMs } = this.#options;
    const url = await this.#servers.createDatabase();
    this.#open.defer(() => this.#servers.dropDatabase(url).catch(() => {}));
    const graph = await this.#openGraph();
    const { cluster, proxies } = await this.#startCluster(url, graph);
    this.#open.use({ [Symbol.asyncDispose]: () => cluster.stop() });
    const latestMs = Math.min(LATEST_DUPLICATE_MS, settleWaitMs);
    const sender = new Sender({ targets: cluster.webUrls, random: Random.of(seed, 'sender'), latestMs });
    this.#sender = sender;
    this.#open.defer(() => sender.stop());
    if (this.#receiver.isWahook) {
      const database = new ReceiverDatabase(url);
      this.#database = database;
      this.#open.defer(() => database.close());
    }
    const faults = new Faults({ cluster, servers: this.#servers, proxies }, seed);
    this.#faults = faults;
    const plan = planFaults(this.#options.faults, messages, rate, Random.of(seed, 'plan'));
    this.#phase = 'sending';
    const sendingSince = performance.now();
    faults.run(plan, () => this.#ledger.counts.sent / messages);
    await this.#send(rate ?? (messages / plan.loadMs) * 1_000);
    await faults.stop();
    const sentForMs = performance.now() - sendingSince;
    if (!this.#isOver) {
      this.#phase = 'draining';
      graph.calm();
      await this.#drain();
    }
    return await this.#judge(sentForMs);
  }

  async #openGraph(): Promise<GraphEndpoint> {
    const graph = await GraphEndpoint.open({
      random: Random.of(this.#options.seed, 'graph'),
      trouble: this.#options.graphTrouble ?? 1,
      onAccepted: (reply) => this.#ledger.accepted(reply),
      onStatus: (status) => this.#sender?.add(status),
    });
    if (this.#options.calmGraph) graph.calm();
    this.#graph = graph;
    this.#open.defer(() => graph.close());
    return graph;
  }

  async #startCluster(url: string, graph: GraphEndpoint) {
    const { arm = () => ({}), onDeath, settleWaitMs, redis } = this.#options;
    const proxies = await this.#openProxies(url);
    const cluster = await Cluster.start({
      receiver: this.#receiver,
      arm,
      logs: this.#logs,
      onDeath: (death) => {
        this.#deaths += 1;
        onDeath?.(death);
      },
      environment: (name) => {
        const [toPostgres, toRedis] = proxies.get(name) ?? [];
        return {
          ...SETTINGS,
          WHATSAPP_API_URL: graph.apiUrl,
          SETTLE_WAIT: `${settleWaitMs}ms`,
          LOG_FORMAT: 'json',
          DATABASE_URL: through(url, toPostgres),
          ...(redis && { REDIS_URL: through(this.#servers.redis?.url ?? '', toRedis) }),
        };
      },
    });
    return { cluster, proxies };
  }

  /** Each process has its own, so that a fault can cut off one and not the others. */
  async #openProxies(url: string): Promise<ReadonlyMap<string, readonly NetworkProxy[]>> {
    const proxies = new Map<string, readonly NetworkProxy[]>();
    if (this.#options.faults.networkFaults === 0) return proxies;
    const { redis } = this.#servers;
    const ports = [Number(new URL(url).port), ...(this.#options.redis && redis ? [redis.port] : [])];
    for (const name of ['web-1', 'web-2', 'worker-1', 'worker-2']) {
      const own = await Promise.all(ports.map((port) => NetworkProxy.open(port)));
      for (const proxy of own) this.#open.defer(() => proxy.close());
      proxies.set(name, own);
    }
    return proxies;
  }

  async #send(rate: number): Promise<void> {
    const { isEnough = () => true, messages, seed } = this.#options;
    const { faults, sender } = this;
    const customers = new Customers({
      messages,
      rate,
      random: Random.of(seed, 'customers'),
      sender,
      ledger: this.#ledger,
      isEnough: () => faults.areDone && isEnough(),
    });
    while (!customers.isDone && !this.#isOver) await pause(50);
    customers.stop();
  }

  get faults(): Faults {
    return this.#faults as Faults;
  }

  get sender(): Sender {
    return this.#sender as Sender;
  }

  get #isOver(): boolean {
    return this.#options.stopAtFirst === true && this.#ledger.violations > 0;
  }

  /** Until nothing is under way any more, or nothing has moved for too long. */
  async #drain(): Promise<void> {
    const { settleWaitMs, stallMs = settleWaitMs + STALL_MS } = this.#options;
    let movedAt = performance.now();
    let before = '';
    while (performance.now() - movedAt < stallMs && !this.#isOver) {
      const backlog = await this.#database?.backlog();
      const { acked, sent, handled } = this.#ledger.counts;
      const outstanding = this.sender.outstanding + (this.#graph?.outstanding ?? 0);
      const state = JSON.stringify([acked, handled, this.#graph?.accepted, outstanding, backlog]);
      if (state !== before) movedAt = performance.now();
      before = state;
      const isDone = this.#receiver.isWahook
        ? backlog?.inbox === 0 && backlog.outbox === 0
        : handled === acked && performance.now() - movedAt > QUIET_MS;
      if (acked === sent && outstanding === 0 && isDone) return;
      await pause(LOOK_MS);
    }
  }

  async #judge(sentForMs: number): Promise<Verdict> {
    const { seed, messages } = this.#options;
    const ledger = this.#ledger;
    // What is missing after a run that was broken off is only not there yet.
    const facts = this.#isOver ? undefined : await this.#facts();
    if (!this.#isOver) this.#close(facts);
    const { counts } = ledger;
    const badExits = this.faults.badExits;
    const notAccepted = this.#isOver ? 0 : Math.max(messages, counts.sent) - counts.acked;
    const offences = [
      ...ledger.offences,
      ...badExits.map((what) => ({ kind: 'bad exit', conversation: '-', what }) as const),
      ...(notAccepted > 0
        ? [{ kind: 'not accepted', conversation: '-', what: `${notAccepted} messages never got a 200` } as const]
        : []),
    ];
    return {
      isClean: offences.length === 0 && ledger.violations === 0,
      seed,
      asked: messages,
      ...counts,
      deadLetters: (facts?.deadInbox.length ?? 0) + (facts?.deadOutbox.length ?? 0),
      quarantined: facts?.quarantined ?? 0,
      runsCutShort: facts?.runsCutShort,
      attemptsConsumed: facts?.attemptsConsumed,
      faults: { ...this.faults.counts, ...prefixed('Graph: ', this.#graph?.faults ?? {}) },
      deaths: this.#deaths,
      durationMs: performance.now() - this.#startedAt,
      messagesPerSecond: (counts.acked / sentForMs) * 1_000,
      delivery: this.sender.figures,
      offences,
      logs: this.#logs,
    };
  }

  #close(facts: Facts | undefined): void {
    const ledger = this.#ledger;
    ledger.close((name) => facts?.fateOf(name));
    for (const what of facts?.deadInbox ?? []) ledger.addLost('lost', what);
    for (const what of facts?.deadOutbox ?? []) ledger.addLost('reply lost', what);
    for (let piece = 1; piece <= (facts?.quarantined ?? 0); piece += 1)
      ledger.addLost('lost', `piece ${piece} in quarantine`);
  }

  async #facts(): Promise<Facts | undefined> {
    const database = this.#database;
    if (database === undefined) return undefined;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await database.facts(this.#ledger.missing());
      } catch (error) {
        if (attempt === FACTS_TRIES) throw error;
        await pause(LOOK_MS);
      }
    }
  }

  #progress(): Progress {
    const { counts, violations, unanswered } = this.#ledger;
    return {
      phase: this.#phase,
      asked: this.#options.messages,
      acked: counts.acked,
      handled: counts.handled,
      waiting: unanswered,
      faults: this.#faults?.counts ?? {},
      violations,
      elapsedMs: performance.now() - this.#startedAt,
    };
  }
}

function through(url: string, proxy: NetworkProxy | undefined): string {
  if (proxy === undefined || url === '') return url;
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return changed.href;
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [prefix + name, count]));
}
