import packageJson from '../../package.json' with { type: 'json' };
import type { Bot } from '../bot/bot.ts';
import { BotHandler } from '../bot/bot-handler.ts';
import { type Config, readConfig } from '../config.ts';
import { describeProblems } from '../config-problem.ts';
import { type Composition, compose } from '../container.ts';
import { QUEUE_NAMES } from '../core/lanes.ts';
import type { WebhookEvent } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import type { Log, LogFields } from '../core/ports/observation.ts';
import type { DeadLetter } from '../core/ports/queue.ts';
import { Simulator } from '../simulator/simulator.ts';
import { SimulatedMedia } from './simulated-media.ts';
import { TestQueue } from './test-queue.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { WatchedSendRate } from './watched-send-rate.ts';
import { WebhookMail } from './webhook-mail.ts';

/** `sent` and `delivered` come by themselves; `read` when the customer reads. */
const STATUS_DELAYS_MS = { sent: 50, delivered: 300, read: 'never' } as const;

/** How long in real time the service may show no movement before time goes on for Meta, for which a handler may be waiting. */
const STALL_MS = 20;

/** Turns of the event loop that are not paced: whoever waits for nothing outside of this process needs no more. */
const EAGER_TURNS = 100;

// Taken now: a test may put false timers in their place.
const { setImmediate, setTimeout } = globalThis;

/** Something that the service logged, or that the bot did wrong; for the transcript. */
export interface Note {
  /** The position in Meta's transcript after which it happened. */
  readonly afterSeq: number;
  readonly atMs: number;
  readonly text: string;
}

/** In Meta's form: `name`, `language`, `status`, `category`, `parameter_format`, `components`. */
export type TestTemplate = Parameters<Simulator['templates']['put']>[0];

export interface TestServiceOptions {
  readonly templates: readonly TestTemplate[];
  readonly env: Readonly<Record<string, string>>;
  /** How far time goes on by itself, in virtual ms, for what is left to do. */
  readonly settleMs: number;
  /** How long a handler may be at work, in real ms. */
  readonly patienceMs: number;
}

/** Tells what the handlers throw; for the rest it is what runs a bot in the service. */
class WatchedBot extends BotHandler {
  readonly #failed: (error: unknown, attempt: number) => void;

  constructor(bot: Bot, failed: (error: unknown, attempt: number) => void) {
    super(bot);
    this.#failed = failed;
  }

  override async handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    try {
      await super.handle(event, run);
    } catch (error) {
      this.#failed(error, run.attempt);
      throw error;
    }
  }
}

/** The service as it runs, with its store in memory, and Meta in the same process; nothing leaves it. */
export class TestService {
  readonly clock: VirtualClock;
  readonly meta: Simulator;
  readonly notes: Note[] = [];
  /** What handlers threw, oldest first. */
  readonly errors: unknown[] = [];
  /** As it was when the service came to rest the last time. */
  waiting: readonly { readonly queue: string; readonly jobs: number }[] = [];
  deadLetters: readonly DeadLetter[] = [];
  readonly mail: WebhookMail;
  readonly composition: Composition;
  readonly #options: TestServiceOptions;
  #queue: TestQueue | undefined;
  #sendRate: WatchedSendRate | undefined;
  #settling: Promise<void> = Promise.resolve();
  #steps = 0;

  private constructor(bot: Bot, clock: VirtualClock, options: TestServiceOptions) {
    this.clock = clock;
    this.#options = options;
    this.mail = new WebhookMail((body, signature) => this.#receive(body, signature));
    this.meta = new Simulator({
      seed: 1,
      clock: clock.metas,
      statusDelaysMs: STATUS_DELAYS_MS,
      enforceWindow: true,
      webhookUrl: 'http://service.invalid/webhook/whatsapp',
      deliver: (request) => this.mail.deliver(request, isMessage(request.body)),
    });
    for (const template of options.templates) this.meta.templates.put(template);
    this.composition = compose(configFor(this.meta, options.env), packageJson.version, {
      ...{ clock, timers: clock },
      log: this.#log(),
      metrics: NO_METRICS,
      eventHandler: new WatchedBot(bot, (error, attempt) => this.#failed(error, attempt)),
      graph: (call) => this.meta.graph(call),
      media: new SimulatedMedia(this.meta.media),
      messageQueue: (queue) => {
        this.#queue = new TestQueue(queue);
        return this.#queue;
      },
      sendRate: (rate) => {
        this.#sendRate = new WatchedSendRate(rate);
        return this.#sendRate;
      },
    });
  }

  static async start(bot: Bot, clock: VirtualClock, options: TestServiceOptions): Promise<TestService> {
    const service = new TestService(bot, clock, options);
    const worker = await service.composition.worker();
    await worker.start();
    return service;
  }

  /** The next runs of the bot over messages, so many, end with the death of their process. */
  crashNext(times: number): void {
    this.#queue?.crashNext(times);
  }

  /**
   * Resolves when nothing is at work any more and nothing is due within `settleMs`: time goes on from one thing that is due to
   * the next, as far as that. Calls at the same time wait for each other. @throws Error if a handler does not come to an end
   */
  settle(): Promise<void> {
    return this.#queued(() => this.#run(this.clock.now() + this.#options.settleMs));
  }

  /**
   * Lets `ms` of time go by, and then settles. While a step is under way the time goes by at once, since a handler may be
   * waiting for it, and it is that step which settles.
   */
  async advance(ms: number): Promise<void> {
    if (this.#steps > 0) {
      this.clock.goTo(this.clock.now() + ms);
      await this.#comesToRest();
      return;
    }
    await this.#queued(async () => {
      const untilMs = this.clock.now() + ms;
      await this.#run(untilMs);
      this.clock.goTo(untilMs);
      await this.#run(untilMs + this.#options.settleMs);
    });
  }

  note(text: string): void {
    this.notes.push({ afterSeq: this.meta.transcript.at(-1)?.seq ?? 0, atMs: this.clock.now(), text });
  }

  #queued(work: () => Promise<void>): Promise<void> {
    this.#steps += 1;
    const step = async (): Promise<void> => {
      await work();
      await this.#look();
    };
    const done = this.#settling.then(step).finally(() => {
      this.#steps -= 1;
    });
    this.#settling = done.catch(() => {});
    return done;
  }

  async #look(): Promise<void> {
    const queue = await this.composition.messageQueue();
    const depths = await Promise.all(QUEUE_NAMES.map((name) => queue.depth(name)));
    this.waiting = depths.map(({ waiting }, index) => ({ queue: QUEUE_NAMES[index] ?? '', jobs: waiting }));
    this.deadLetters = await (await this.composition.deadLetters()).list({}, 1_000);
  }

  async #run(untilMs: number): Promise<void> {
    const deadlineMs = performance.now() + this.#options.patienceMs;
    for (;;) {
      const atRest = await this.#comesToRest();
      const dueMs = this.clock.nextDueMs(atRest || (this.#sendRate?.waiting ?? 0) > 0 ? 'all' : 'metas');
      if (dueMs !== undefined && dueMs <= untilMs) this.clock.goTo(dueMs);
      else if (atRest) return;
      else if (performance.now() > deadlineMs) throw new Error(`The bot is still at work ${BUSY}`);
    }
  }

  /** False if the service is at work, but nothing has happened for a while. */
  async #comesToRest(): Promise<boolean> {
    const stalledMs = performance.now() + STALL_MS;
    for (let turn = 1; turn <= EAGER_TURNS || performance.now() < stalledMs; turn += 1) {
      await new Promise<void>((resolve) => {
        if (turn <= EAGER_TURNS) setImmediate(resolve);
        else setTimeout(resolve, 1);
      });
      if (this.#isAtRest) return true;
    }
    return false;
  }

  get #isAtRest(): boolean {
    return this.mail.isAtRest && (this.#queue === undefined || this.#queue.isAtRest(this.#sendRate?.waiting ?? 0));
  }

  async #receive(body: Uint8Array, signature: string | undefined): Promise<number> {
    const receiver = await this.composition.receiveWebhook();
    const receipt = await receiver.run(body, signature);
    return receipt.outcome === 'accepted' ? 200 : 503;
  }

  #failed(error: unknown, attempt: number): void {
    this.errors.push(error);
    this.note(`the handler failed (attempt ${attempt}): ${inOneLine(error)}`);
  }

  #log(): Log {
    const note = (message: string, fields: LogFields = {}): void => {
      // Noted where it happens, with the whole error.
      if (/^The handler failed/.test(message)) return;
      this.note(
        [message, ...Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(' '),
      );
    };
    return { debug: () => {}, info: () => {}, warn: note, error: note };
  }
}

const BUSY =
  'though nothing moves any more. A handler that waits for something real (a timer, a request) needs it within the ' +
  'patience of testBot; give it a double, or raise { patience }';

const NO_METRICS = {
  count: () => {},
  observe: () => {},
  render: async () => ({ contentType: 'text/plain', text: '' }),
};

function isMessage(body: Uint8Array | undefined): boolean {
  return Buffer.from(body ?? []).includes('"messages":[');
}

function configFor({ business }: Simulator, env: Readonly<Record<string, string>>): Config {
  const result = readConfig({
    NODE_ENV: 'test',
    WHATSAPP_API_URL: 'http://meta.invalid/v25.0',
    WHATSAPP_PHONE_NUMBER_ID: business.phoneNumberId,
    WHATSAPP_ACCESS_TOKEN: business.accessToken,
    WHATSAPP_VERIFY_TOKEN: business.verifyToken,
    WHATSAPP_WEBHOOK_SECRET: business.appSecret,
    STORE: 'memory',
    ...env,
  });
  if ('problems' in result) throw new TypeError(`testBot: ${describeProblems(result.problems)}`);
  return result.config;
}

/** Name, message and the first place outside of Node and of this package. */
function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  const own = frames.find((frame) => !/node:|[/\\]src[/\\](bot|core|testing)[/\\]|node_modules/.test(frame));
  const place = own?.match(/([^/\\(\s]+[/\\][^/\\]+:\d+:\d+)\)?$/)?.[1];
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (${place})`}`;
}
