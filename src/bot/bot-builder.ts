import { WahookError } from '../core/errors.ts';
import type { InboundMessage, WebhookEvent } from '../core/model.ts';
import { type AnyErrorHandler, type AnyHandler, type AnyMiddleware, Bot, type Declared, type Route } from './bot.ts';
import type { AnyContext, Checked, ContextFor, FlowReply, MessageHandlerContext } from './bot-context.ts';
import { CLOSED_KINDS, type EventKind, type EventOf, isEventKind, isOfKind } from './event-names.ts';
import { type FlowSchema, flowCheck } from './flow-schema.ts';
import { exact, type Found, finder, plain } from './pattern.ts';

/** What a bot does about an event. A rejection (or a throw) means: run me again later. What it resolves to means nothing. */
export type Handler<Context> = (ctx: Context) => unknown;

/** Around all handlers: `next` runs what is inside, and resolves when that is done. Without it the event ends here. */
export type Middleware<State = unknown> = (ctx: AnyContext<State>, next: () => Promise<void>) => unknown;

/** What becomes of an event whose handler has failed. */
export type ErrorVerdict = 'retry' | 'dead letter' | 'drop';

/**
 * Undefined is the usual thing: again, or a dead letter if there was a `PermanentError`. `Verdict` is for the compiler alone, which
 * takes the words of an async function for any text where it may also be none (TypeScript 7.0.2).
 */
export type ErrorHandler<State = unknown, Verdict extends ErrorVerdict | undefined = ErrorVerdict | undefined> = (
  error: unknown,
  ctx: AnyContext<State>,
) => Verdict | Promise<Verdict>;

type Predicate = (event: WebhookEvent) => boolean;

/** The compiler finds by itself that a function such as `(event) => event.kind === 'message'` is one. */
type Guard<Event extends WebhookEvent> = (event: WebhookEvent) => event is Event;

/** What a handler can listen to: a kind, one of several kinds, or what a function picks. */
export type Wanted = EventKind | readonly EventKind[] | Predicate;

/** The events that are meant, as narrow as can be said. */
export type EventsOf<What> = What extends EventKind
  ? EventOf<What>
  : What extends readonly (infer Kind)[]
    ? EventOf<Extract<Kind, EventKind>>
    : What extends Guard<infer Event>
      ? Event
      : WebhookEvent;

/** A tap on a button of ours, be it in a message of this conversation or in a template. */
type ButtonTap = EventOf<'message.interactive.button_reply'> | EventOf<'message.button'>;

type MediaKind = `message.${'image' | 'video' | 'audio' | 'document' | 'sticker'}`;

const MEDIA: readonly MediaKind[] = [
  'message.image',
  'message.video',
  'message.audio',
  'message.document',
  'message.sticker',
];

type FlowMessage = EventOf<'message.interactive.nfm_reply'> & { readonly reply: FlowReply };

/** Declares the handlers of a bot. Of several that fit an event the one declared first gets it, alone, unless it hands on. */
export class BotBuilder<State = unknown> {
  readonly #routes: Route[] = [];
  readonly #middleware: AnyMiddleware[] = [];
  readonly #answers = new Map<string, AnyHandler>();
  #unhandled: AnyHandler | undefined;
  #onError: AnyErrorHandler | undefined;
  #closed = false;

  /**
   * Every event of a kind, e.g. `message.image`, `message.interactive.list_reply`, `status.failed`, `account.<field>`; of one of
   * several kinds; or all for which a function says true. The function must answer at once and for the same event alike.
   */
  on<const What extends Wanted>(what: What, handler: Handler<ContextFor<EventsOf<What>, State>>): void {
    const isMeant = meaning(what);
    this.#add(handler, (event) => (isMeant(event) ? {} : undefined));
  }

  /**
   * Text messages: a string takes the whole text, whatever its case and the space around it; a regular expression looks at
   * the text as it came, from its start even with the flags `g` or `y`.
   */
  onText<Pattern extends string | RegExp>(
    pattern: Pattern,
    handler: Handler<MessageHandlerContext<EventOf<'message.text'>, State> & Found<Pattern>>,
  ): void {
    const find = finder(pattern, plain);
    this.#add(handler, (event) => (isOfKind(event, 'message.text') ? find(event.text) : undefined));
  }

  /** Taps on a reply button with this id, or on a quick reply of a template with this payload; compared as they are. */
  onButton<Pattern extends string | RegExp>(
    pattern: Pattern,
    handler: Handler<MessageHandlerContext<ButtonTap, State> & Found<Pattern>>,
  ): void {
    const find = finder(pattern, exact);
    this.#add(handler, (event) => {
      if (isOfKind(event, 'message.button')) return find(event.payload);
      return isOfKind(event, 'message.interactive.button_reply') ? find(event.reply.id) : undefined;
    });
  }

  /** Choices from a list, by the id of the row; compared as it is. */
  onList<Pattern extends string | RegExp>(
    pattern: Pattern,
    handler: Handler<MessageHandlerContext<EventOf<'message.interactive.list_reply'>, State> & Found<Pattern>>,
  ): void {
    const find = finder(pattern, exact);
    this.#add(handler, (event) =>
      isOfKind(event, 'message.interactive.list_reply') ? find(event.reply.id) : undefined,
    );
  }

  /** Flows that a customer has sent off whose answer has the form of `schema`: it is `ctx.data`. Others go to the next handler. */
  onFlow<Data>(
    schema: FlowSchema<Data>,
    handler: Handler<MessageHandlerContext<FlowMessage, State> & Checked<Data>>,
  ): void {
    const check = flowCheck(schema);
    this.#add(handler, (event) => {
      if (!isOfKind(event, 'message.interactive.nfm_reply') || event.reply.name === 'address_message') return undefined;
      return check(event.reply.response);
    });
  }

  onLocation(handler: Handler<MessageHandlerContext<EventOf<'message.location'>, State>>): void {
    this.on('message.location', handler);
  }

  onImage(handler: Handler<MessageHandlerContext<EventOf<'message.image'>, State>>): void {
    this.on('message.image', handler);
  }

  /** Images, videos, audio, documents and stickers. */
  onMedia(handler: Handler<MessageHandlerContext<EventOf<MediaKind>, State>>): void {
    this.on(MEDIA, handler);
  }

  /**
   * The message that answers `ctx.ask(name, …)`, be it a text, a tap, a photo or whatever else a customer says; no reaction, edit
   * or system message. It goes here before all other handlers; `ctx.next()` hands it on to them. The question is answered then:
   * ask again to repeat it.
   */
  onAnswer(name: string, handler: Handler<MessageHandlerContext<InboundMessage, State>>): void {
    this.#mayAdd(handler);
    if (typeof name !== 'string' || name === '' || name.length > 200)
      throw invalid('the name of a question has 1 to 200 characters');
    if (this.#answers.has(name)) throw invalid(`onAnswer(${JSON.stringify(name)}, …) is declared twice`);
    this.#answers.set(name, handler as AnyHandler);
  }

  /** Runs around all handlers, wherever it is declared, for every event; the first one outermost. */
  use(middleware: Middleware<State>): void {
    this.#mayAdd(middleware);
    this.#middleware.push(middleware as AnyMiddleware);
  }

  /**
   * Decides what becomes of an event whose handler or middleware has thrown: again later (until the attempts are used up), a
   * dead letter at once, or nothing at all (`drop`: it counts as handled). What the failed run wanted to send and to keep is
   * gone; what this one sends and keeps counts with `drop`, and so does that a question was answered. Not asked when the time of a run is over.
   */
  onError<const Verdict extends ErrorVerdict | undefined>(handler: ErrorHandler<State, Verdict>): void {
    this.#mayAdd(handler);
    if (this.#onError !== undefined) throw invalid('onError is declared twice');
    this.#onError = handler as AnyErrorHandler;
  }

  /** Messages that no other handler takes, wherever it is declared. Without it they are left alone. */
  onUnhandled(handler: Handler<MessageHandlerContext<InboundMessage, State>>): void {
    this.#mayAdd(handler);
    if (this.#unhandled !== undefined) throw invalid('onUnhandled is declared twice');
    this.#unhandled = handler as AnyHandler;
  }

  /** Ends the declaration: a handler that is added later would be in one process and not in another. */
  build(options: Pick<Declared, 'initialSession' | 'turn'>): Bot {
    this.#closed = true;
    return new Bot({
      ...{ routes: [...this.#routes], middleware: [...this.#middleware], answers: new Map(this.#answers) },
      ...{ unhandled: this.#unhandled, onError: this.#onError },
      ...options,
    });
  }

  #add(handler: unknown, takes: Route['takes']): void {
    this.#mayAdd(handler);
    this.#routes.push({ takes, handler: handler as AnyHandler });
  }

  #mayAdd(handler: unknown): void {
    if (this.#closed) throw invalid('a handler is declared after the function given to defineBot has returned');
    if (typeof handler !== 'function') throw invalid('a handler is not a function');
  }
}

function meaning(what: Wanted): Predicate {
  if (typeof what === 'function') return what;
  const kinds: readonly EventKind[] = typeof what === 'string' ? [what] : what;
  if (!Array.isArray(kinds) || kinds.length === 0) throw unknownKind(what);
  for (const kind of kinds) if (!isEventKind(kind)) throw unknownKind(kind);
  return (event) => kinds.some((kind) => isOfKind(event, kind));
}

function unknownKind(kind: unknown): WahookError {
  return invalid(`${JSON.stringify(kind)} is no event. Known: ${CLOSED_KINDS.join(', ')}, account.<field>`);
}

function invalid(problem: string): WahookError {
  return new WahookError('invalid_bot', problem);
}
