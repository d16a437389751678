import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster } from './cluster.ts';
import { Customers } from './customers.ts';
import { planFaults } from './fault-plan.ts';
import { Faults } from './faults.ts';
import { GraphEndpoint } from './graph-endpoint.ts';
import { judge, judgeBrokenOff } from './judgement.ts';
import { Ledger } from './ledger.ts';
import { Movement } from './movement.ts';
import { NetworkProxy } from './network-proxy.ts';
import { Random } from './random.ts';
import { type Facts, ReceiverDatabase } from './receiver-database.ts';
import type { Progress, Receiver, ScenarioOptions, Verdict } from './scenario.ts';
import { Sender } from './sender.ts';
import type { Servers } from './servers.ts';
import { SideLedger } from './side-ledger.ts';
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
/**
 * Whoever says that all is done, the receiver's tables or the ledger, it is waited for so long for something that comes twice. A
 * receiver whose tables are unknown gets more.
 */
const QUIET_MS = { wahook: 4_000, other: 10_000 };
/** A receiver that repeats its replies for ever would never be still. */
const DRAIN_LIMIT_MS = 1_200_000;
/** A Postgres that has just come back may have to be asked again. */
const FACTS_TRIES = 20;

/** One scenario while it runs. */
export class ScenarioRun {
  readonly #options: ScenarioOptions;
  readonly #receiver: Receiver;
  readonly #servers: Servers;
  readonly #ledger: Ledger;
  readonly #side = new SideLedger();
  readonly #startedAt = performance.now();
  readonly #open: AsyncDisposableStack;
  readonly #logs: string;
  #phase: Progress['phase'] = 'starting';
  #deaths = 0;
  /** What it was at when nothing moved any more. */
  #stuckAt: string | undefined;
  #faults: Faults | undefined;
  #graph: GraphEndpoint | undefined;
  #sender: Sender | undefined;
  #database: ReceiverDatabase | undefined;

  private constructor(options: ScenarioOptions, servers: Servers, logs: string, open: AsyncDisposableStack) {
    this.#options = options;
    const { settleWaitMs } = options;
    this.#ledger = new Ledger({ settleWaitMs, isTold: (sendId) => this.#side.deliveries.has(sendId) });
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
      statusAfterMs: this.#options.statusAfterMs ?? 0,
      onAccepted: (reply) => this.#ledger.accepted(reply),
      onStatus: (status) => this.#sender?.add(this.#side.watched(status)),
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
          // The endpoint has no limits, and its customers write faster than Meta would let us answer.
          SEND_PER_SECOND: '100000',
          SEND_PAIR_INTERVAL: '0s',
          SEND_OUTSIDE_WINDOW: 'try',
          // Each death holds up so many conversations for a lease; with the usual 64 dense kills would leave few to go on with.
          WORKER_CONCURRENCY: '8',
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
    const { isEnough = () => true, messages, seed, talkers } = this.#options;
    const { faults, sender } = this;
    const customers = new Customers({
      messages,
      rate,
      random: Random.of(seed, 'customers'),
      sender,
      ledger: this.#ledger,
      ...(talkers !== undefined && { talkers }),
      isEnough: () => faults.areDone && isEnough(),
      ...(this.#receiver.isWahook && { newPoison: () => this.#side.newPoison() }),
    });
    const movement = new Movement();
    // A receiver that takes nothing any more, or answers nothing, would never have been sent enough.
    while (!customers.isDone && !this.#isOver && movement.stillForMs < this.#stallMs) {
      const { acked, handled, sent } = this.#ledger.counts;
      movement.note([acked, handled, sent]);
      await pause(50);
    }
    if (!customers.isDone && !this.#isOver) this.#stuckAt = faults.areDone ? 'sending' : 'sending, with faults to come';
    customers.stop();
  }

  get faults(): Faults {
    return this.#faults as Faults;
  }

  get sender(): Sender {
    return this.#sender as Sender;
  }

  get #isOver(): boolean {
    return this.#options.stopsAt?.(this.#ledger.counts) === true;
  }

  /** How long nothing may move. */
  get #stallMs(): number {
    const { settleWaitMs, stallMs = settleWaitMs + STALL_MS } = this.#options;
    return stallMs;
  }

  /** Until nothing is under way any more, or nothing has moved for too long. */
  async #drain(): Promise<void> {
    const quietMs = Math.min(this.#receiver.isWahook ? QUIET_MS.wahook : QUIET_MS.other, this.#stallMs / 2);
    const since = performance.now();
    const movement = new Movement();
    while (movement.stillForMs < this.#stallMs && performance.now() - since < DRAIN_LIMIT_MS && !this.#isOver) {
      const backlog = await this.#database?.backlog();
      const { acked, sent, handled } = this.#ledger.counts;
      const outstanding = this.sender.outstanding + (this.#graph?.outstanding ?? 0);
      movement.note([acked, handled, this.#graph?.accepted ?? 0], [outstanding, backlog?.inbox, backlog?.outbox]);
      const isDone = this.#receiver.isWahook ? backlog?.inbox === 0 && backlog.outbox === 0 : handled === acked;
      if (acked === sent && outstanding === 0 && isDone && movement.stillForMs > quietMs) return;
      await pause(LOOK_MS);
    }
    if (!this.#isOver) this.#stuckAt ??= 'draining';
  }

  async #judge(sentForMs: number): Promise<Verdict> {
    const { seed, messages } = this.#options;
    const facts = this.#isOver ? undefined : await this.#facts();
    const evidence = {
      ...{ ledger: this.#ledger, side: this.#side, facts, asked: messages },
      ...{ badExits: this.faults.badExits, missed: this.faults.missed, stuckAt: this.#stuckAt },
    };
    const judgement = this.#isOver ? judgeBrokenOff(evidence) : judge(evidence);
    const { counts } = this.#ledger;
    return {
      ...judgement,
      seed,
      asked: messages,
      ...counts,
      runsCutShort: facts?.runsCutShort,
      attemptsConsumed: facts?.attemptsConsumed,
      faults: { ...this.faults.counts, ...prefixed('Graph: ', this.#graph?.faults ?? {}) },
      deaths: this.#deaths,
      durationMs: performance.now() - this.#startedAt,
      messagesPerSecond: (counts.acked / sentForMs) * 1_000,
      delivery: this.sender.figures,
      logs: this.#logs,
    };
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
    const { counts, violations, offences, unanswered } = this.#ledger;
    return {
      phase: this.#phase,
      asked: this.#options.messages,
      acked: counts.acked,
      handled: counts.handled,
      waiting: unanswered,
      faults: this.#faults?.counts ?? {},
      violations,
      offences,
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
