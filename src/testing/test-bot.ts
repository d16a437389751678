import { Bot } from '../bot/bot.ts';
import { sendJob } from '../core/lanes.ts';
import { checkOutbound } from '../core/message-limits.ts';
import type { OutboundMessage, SentMessage } from '../core/model.ts';
import type { OutboundContent } from '../core/outbound-content.ts';
import { Conversation } from './conversation.ts';
import { type Duration, milliseconds } from './duration.ts';
import { TestCustomer } from './test-customer.ts';
import { TestFaults } from './test-faults.ts';
import { TestService, type TestTemplate } from './test-service.ts';
import { VirtualClock } from './virtual-clock.ts';

export type { AssertionError } from 'node:assert';
export type { Duration } from './duration.ts';
export type { ExpectedReply } from './expected-reply.ts';
export type { CustomerSends, TestCustomer } from './test-customer.ts';
export type { TestFaults } from './test-faults.ts';
export type { TestTemplate } from './test-service.ts';

export interface TestBotOptions {
  /** Settings of the service by their names, e.g. `{ HANDLER_RETRIES: '2' }`. Nothing of the real environment is read. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the clock begins; default: now. */
  readonly startAt?: Date;
  /**
   * How far time goes on by itself after each step, for what is left to do (statuses, retries, pauses). Default 2 minutes:
   * a message that fails at every attempt is a dead letter by then. The clock stops at the last thing that happened.
   */
  readonly settle?: Duration;
  /** Templates that the account has besides the simulator's own, as Meta tells them. */
  readonly templates?: readonly TestTemplate[];
  /** In real time: how long a handler may be at work before the step fails. Default 5 seconds. */
  readonly patience?: Duration;
}

export interface NewTestCustomer {
  readonly name: string;
  /** Made up where neither this nor a `userId` is given. */
  readonly phone?: string;
  /** With this alone the customer is one of those whose number Meta does not show. */
  readonly userId?: string;
}

/** What became of a dead letter's job. */
interface GivenUp {
  readonly queue: string;
  readonly reason: string;
  readonly message: string;
  readonly attempts: number;
}

/** A bot with the service around it, a Meta and its customers, all in this process: no port, no file, no time but its own. */
export class BotTest {
  readonly faults: TestFaults;
  readonly #service: TestService;
  readonly #conversation: Conversation;
  #customers = 0;

  constructor(service: TestService) {
    this.#service = service;
    this.#conversation = new Conversation(service);
    this.faults = new TestFaults(service);
  }

  /** A new person who has not written yet. @throws SimulatorError `invalid` if somebody has the number already */
  customer({ name, phone, userId }: NewTestCustomer): TestCustomer {
    this.#customers += 1;
    const id = `customer-${this.#customers}`;
    const number = phone ?? (userId === undefined ? `1555020${String(this.#customers).padStart(4, '0')}` : undefined);
    const { meta } = this.#service;
    meta.addCustomer({
      id,
      name,
      ...(number !== undefined && { phone: number }),
      ...(userId !== undefined && { userId }),
    });
    this.#conversation.name(id, name);
    return new TestCustomer(id, name, this.#service, this.#conversation);
  }

  readonly clock = {
    /** Milliseconds since 1970, as the service and Meta see it. */
    now: (): number => this.#service.clock.now(),
    /**
     * Lets so much time go by, and everything happen that is due in it. Resolves when the bot is idle. While a step that was not
     * awaited is under way time goes on at once: so does the time limit of a handler strike.
     */
    advance: (duration: Duration): Promise<void> => this.#service.advance(milliseconds(duration)),
  };

  /** Resolves when nothing is left to do; for steps that were not awaited one by one. */
  idle(): Promise<void> {
    return this.#service.settle();
  }

  /**
   * Sends a message to a customer who has not written, by the service's own outbox; resolves to what became of it.
   * @throws WahookError `invalid_message`
   */
  async send(customer: TestCustomer, content: OutboundContent): Promise<SentMessage> {
    const { waId, userId } = customer;
    const message: OutboundMessage = {
      sendId: crypto.randomUUID(),
      phoneNumberId: this.#service.meta.business.phoneNumberId,
      to: { ...(waId !== undefined && { waId }), userId },
      content,
    };
    checkOutbound(message);
    await (await this.#service.composition.messageQueue()).publish('outbound', [sendJob(message)]);
    await this.#service.settle();
    const sent = await (await this.#service.composition.sentMessages()).find(message.sendId);
    return sent ?? { sendId: message.sendId, state: 'waiting' };
  }

  /** What the handlers have thrown so far, every attempt, oldest first. */
  get errors(): readonly unknown[] {
    return this.#service.errors;
  }

  /** What was given up when the bot was idle the last time, the newest first. */
  get deadLetters(): readonly GivenUp[] {
    return this.#service.deadLetters.map(({ queue, reason, error, attempts }) => ({
      ...{ queue, reason, message: error.message, attempts },
    }));
  }

  /** All that was said, line by line. */
  get transcript(): string {
    return this.#conversation.transcript();
  }

  /** Nothing waits: no message, no reply, no status, and nothing was given up. @throws AssertionError */
  expectNothingPending(): void {
    const { waiting, deadLetters, mail } = this.#service;
    const pending = waiting.flatMap(({ queue, jobs }) => (jobs > 0 ? [`${jobs} waiting in ${queue}`] : []));
    for (const { queue, reason } of deadLetters) pending.push(`a dead letter in ${queue} (${reason})`);
    if (mail.isHoldingOneBack) pending.push('a webhook held back by faults.reorder()');
    if (pending.length === 0) return;
    const actual = pending.join(', ');
    throw this.#conversation.failure(
      { message: `Something is still pending: ${actual}`, expected: 'nothing pending', actual, wanted: '' },
      this.expectNothingPending,
    );
  }
}

/**
 * Puts a bot into a service of its own, to be tested as its customers meet it. Every call is a new world, and nothing of it
 * needs to be closed. Works in any test runner; all that it throws about the bot are node:assert's `AssertionError`s.
 *
 * @throws TypeError if `bot` is no bot or a setting is wrong
 */
export async function testBot(bot: Bot, options: TestBotOptions = {}): Promise<BotTest> {
  if (!(bot instanceof Bot))
    throw new TypeError('testBot needs what defineBot made: import bot from the file that exports it by default');
  const { env = {}, startAt, settle = '2m', patience = '5s', templates = [] } = options;
  const clock = new VirtualClock(startAt?.getTime() ?? Date.now());
  const limits = { settleMs: milliseconds(settle), patienceMs: milliseconds(patience) };
  return new BotTest(await TestService.start(bot, clock, { env, templates, ...limits }));
}
