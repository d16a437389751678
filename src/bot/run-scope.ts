import { WahookError } from '../core/errors.ts';
import { conversationOf, type InboundMessage, type OutboundMessage, type WebhookEvent } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import { WINDOW_MS } from '../core/service-window.ts';
import {
  type AccountHandlerContext,
  type AskOptions,
  type MessageHandlerContext,
  type MessageWindow,
  rawOf,
  type StatusHandlerContext,
} from './bot-context.ts';
import { Conversation } from './conversation.ts';
import { type Duration, durationMs } from './duration.ts';
import { MessageTemplates } from './message-templates.ts';
import { OnceCalls } from './once-calls.ts';
import { markRead } from './receipts.ts';
import { ReceivedMedia } from './received-media.ts';
import { type Reply, replyTo, sendFrom } from './reply.ts';
import { SendIds } from './send-ids.ts';
import { SentReply } from './sent-reply.ts';
import { type MediaFile, uploadMedia } from './upload-media.ts';

/** What a run needs to know of its bot. */
export interface BotTraits {
  readonly initialSession: () => unknown;
  hasAnswer(name: string): boolean;
}

/** A context without what each handler has of its own. */
export type SharedContext =
  | Omit<MessageHandlerContext, 'next'>
  | Omit<StatusHandlerContext, 'next'>
  | Omit<AccountHandlerContext, 'next'>;

/** What all handlers and middleware of one run over one event share. */
export class RunScope {
  readonly event: WebhookEvent;
  readonly #run: HandlerRun;
  readonly #bot: BotTraits;
  readonly #calls: OnceCalls;
  #ids: SendIds | undefined;
  #conversation: Conversation | undefined;
  #context: SharedContext | undefined;
  #isOver = false;

  constructor(event: WebhookEvent, run: HandlerRun, bot: BotTraits) {
    this.event = event;
    this.#bot = bot;
    this.#run = {
      ...run,
      flush: () => this.#whileOpen(run.flush),
      record: (name, call) => this.#whileOpen(() => run.record(name, call)),
    };
    this.#calls = new OnceCalls(this.#run);
  }

  /** For errors of the bot's own code. */
  get log(): HandlerRun['log'] {
    return this.#run.log;
  }

  now(): number {
    return this.#run.now();
  }

  /** @throws TypeError for an event that belongs to none */
  get conversation(): Conversation {
    if (this.event.kind !== 'message') throw new TypeError('only messages belong to a conversation');
    this.#conversation ??= new Conversation(conversationKey(this.event), this.#run, this.#bot.initialSession);
    return this.#conversation;
  }

  get context(): SharedContext {
    this.#context ??= this.#newContext();
    return this.#context;
  }

  /** The handler has succeeded: has what it kept stored. */
  async finish(): Promise<void> {
    await this.#conversation?.save();
  }

  /** Nothing counts that was queued, kept or deferred so far, but for what is stored already, and that a question was answered. */
  discard(): void {
    this.#conversation?.reset();
    this.#run.discard();
  }

  /** Refuses everything from now on. */
  close(): void {
    this.#isOver = true;
  }

  /** @throws WahookError `fenced` if the run is over or was aborted */
  queue(message: Omit<OutboundMessage, 'sendId'>): SentReply {
    this.#mustBeOpen();
    const sendId = this.#sendIds.next();
    this.#run.send({ ...message, sendId });
    return new SentReply(sendId, this.#run);
  }

  get #sendIds(): SendIds {
    this.#ids ??= new SendIds(this.#run.eventKey);
    return this.#ids;
  }

  #newContext(): SharedContext {
    const { log, signal, attempt } = this.#run;
    const common = {
      ...{ log, signal, attempt, raw: rawOf(this.event), idempotencyKey: this.#sendIds.idempotencyKey },
      once: (key: string, make: () => unknown, options = {}) => this.#calls.call(key, make, options) as never,
      defer: (time: Duration) => this.#run.defer(durationMs(time, 'the time of ctx.defer')),
    };
    const { event } = this;
    switch (event.kind) {
      case 'message':
        return { ...common, ...this.#messageContext(event) };
      case 'status':
        return { ...common, kind: 'status', status: event, number: { phoneNumberId: event.phoneNumberId } };
      case 'account': {
        const { phoneNumberId } = event;
        return {
          ...common,
          kind: 'account',
          account: event,
          number: phoneNumberId === undefined ? {} : { phoneNumberId },
        };
      }
    }
  }

  #messageContext(message: InboundMessage) {
    const { phoneNumberId, displayPhoneNumber, customer } = message;
    const messages = this.#run.burst ?? [message];
    const queue = (message: Omit<OutboundMessage, 'sendId'>) => this.queue(message);
    const reply = replyTo(message, queue);
    return {
      ...{ kind: 'message' as const, message, messages, customer, conversation: conversationKey(message) },
      text: message.type === 'text' ? messages.flatMap(textOf).join('\n') : undefined,
      number: { phoneNumberId, ...(displayPhoneNumber !== undefined && { displayPhoneNumber }) },
      window: this.#window(message, messages),
      reply,
      send: sendFrom(phoneNumberId, queue),
      react: (emoji: string) => reply.reaction(message.id, emoji),
      unreact: () => reply.noReaction(message.id),
      markRead: () => markRead(message, false, this.#run),
      typing: () => markRead(message, true, this.#run),
      media: 'media' in message ? new ReceivedMedia(message.media, phoneNumberId, this.#run) : undefined,
      templates: new MessageTemplates(message, reply, this.#run),
      uploadMedia: (file: MediaFile) => uploadMedia(file, phoneNumberId, this.#run),
      session: this.conversation,
      ask: async (name: string, question?: string, options?: AskOptions) => this.#ask(reply, name, question, options),
      cancelAsk: () => this.conversation.ask(undefined),
    };
  }

  #window({ phoneNumberId, groupId, customer }: InboundMessage, messages: readonly InboundMessage[]): MessageWindow {
    const own = Math.max(...messages.map(({ sentAtMs }) => sentAtMs)) + WINDOW_MS;
    const until = (closesAtMs: number) => ({ open: this.now() < closesAtMs, closesAt: new Date(closesAtMs) });
    const latest = async () => {
      const known = groupId === undefined ? await this.#run.windowClosesAtMs(phoneNumberId, customer) : undefined;
      return until(Math.max(own, known ?? own));
    };
    return { ...until(own), latest };
  }

  #ask(
    reply: Reply,
    name: string,
    question: string | undefined,
    { timeout, fallback }: AskOptions = {},
  ): Promise<SentReply | undefined> {
    if (!this.#bot.hasAnswer(name)) {
      const known = `bot.onAnswer(${JSON.stringify(name)}, …)`;
      throw new WahookError('invalid_bot', `a question is asked whose answer nobody takes: declare ${known}`);
    }
    const untilMs = timeout === undefined ? undefined : this.now() + durationMs(timeout, 'the timeout of ctx.ask');
    const sent = question === undefined ? undefined : reply.text(question, fallback && { fallback });
    this.conversation.ask({ name, ...(untilMs !== undefined && { untilMs }) });
    return Promise.resolve(sent);
  }

  #mustBeOpen(): void {
    if (this.#isOver) throw late('had finished; did it miss an await?');
    if (this.#run.signal.aborted) throw late('was aborted, because its time limit was over or its claim lost');
  }

  async #whileOpen(work: () => Promise<void>): Promise<void> {
    this.#mustBeOpen();
    await work();
  }
}

function late(reason: string): WahookError {
  return new WahookError('fenced', `ctx.reply was used after the handler ${reason}. This reply is not sent`);
}

function textOf(message: InboundMessage): readonly string[] {
  return message.type === 'text' ? [message.text] : [];
}

/** As the lane of messages is called: whoever handles one is the only one who does. */
function conversationKey({ phoneNumberId, groupId, customer }: InboundMessage): string {
  return conversationOf(phoneNumberId, groupId, customer);
}
