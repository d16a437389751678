import { WahookError } from '../core/errors.ts';
import type { InboundMessage, WebhookEvent } from '../core/model.ts';
import type { HandlerRun } from '../core/ports.ts';
import { type ContextFor, contextFor, type Matched, type MessageHandlerContext } from './bot-context.ts';
import { CLOSED_KINDS, type EventKind, type EventOf, isEventKind, isOfKind } from './event-names.ts';

/** What a bot does about an event. A rejection (or a throw) means: run me again later. */
export type Handler<Context> = (ctx: Context) => void | Promise<void>;

type TextContext = MessageHandlerContext<EventOf<'message.text'>>;

/** A tap on a button of ours, be it in a message of this conversation or in a template. */
type ButtonTap = EventOf<'message.interactive.button_reply'> | EventOf<'message.button'>;
type ButtonContext = MessageHandlerContext<ButtonTap>;

/** What a pattern adds to the context. */
type Found<Pattern> = Pattern extends RegExp ? Matched : object;

/** An author's handler with the event that it took. */
type Handling = (run: HandlerRun) => void | Promise<void>;

/** Takes an event or leaves it to the next route. */
type Route = (event: WebhookEvent) => Handling | undefined;

/** The handlers of a bot in the order of their declaration. Made by `defineBot`; holds nothing that changes. */
export class Bot {
  readonly #routes: readonly Route[];
  readonly #unhandled: Handler<MessageHandlerContext> | undefined;

  constructor(routes: readonly Route[], unhandled: Handler<MessageHandlerContext> | undefined) {
    this.#routes = routes;
    this.#unhandled = unhandled;
  }

  get handlerCount(): number {
    return this.#routes.length + (this.#unhandled === undefined ? 0 : 1);
  }

  /** The first handler that takes the event; for a message that none takes `onUnhandled`; undefined: nothing to do. */
  handlingOf(event: WebhookEvent): Handling | undefined {
    for (const route of this.#routes) {
      const handling = route(event);
      if (handling !== undefined) return handling;
    }
    const unhandled = this.#unhandled;
    return unhandled !== undefined && event.kind === 'message' ? (run) => unhandled(contextFor(event, run)) : undefined;
  }
}

/** Declares the handlers of a bot. Of several that fit an event the one declared first gets it, alone. */
export class BotBuilder {
  readonly #routes: Route[] = [];
  #unhandled: Handler<MessageHandlerContext> | undefined;
  #closed = false;

  /** Every event of a kind, e.g. `message.image`, `message.interactive.list_reply`, `status.failed`, `account.<field>`. */
  on<Kind extends EventKind>(kind: Kind, handler: Handler<ContextFor<EventOf<Kind>>>): void {
    if (!isEventKind(kind)) {
      throw invalid(`${JSON.stringify(kind)} is no event. Known: ${CLOSED_KINDS.join(', ')}, account.<field>`);
    }
    this.#add(handler, (event) =>
      isOfKind(event, kind) ? (run) => handler(contextFor<EventOf<Kind>>(event, run)) : undefined,
    );
  }

  /**
   * Text messages: a string takes the whole text, whatever its case and the space around it; a regular expression looks at
   * the text as it came, from its start even with the flags `g` or `y`.
   */
  onText<Pattern extends string | RegExp>(pattern: Pattern, handler: Handler<TextContext & Found<Pattern>>): void {
    const find = finder(pattern, plain);
    this.#add(handler, (event) => {
      if (!isOfKind(event, 'message.text')) return undefined;
      const found = find(event.text);
      return found && ((run) => handler({ ...contextFor<EventOf<'message.text'>>(event, run), ...found }));
    });
  }

  /** Taps on a reply button with this id, or on a quick reply of a template with this payload; compared as they are. */
  onButton<Pattern extends string | RegExp>(pattern: Pattern, handler: Handler<ButtonContext & Found<Pattern>>): void {
    const find = finder(pattern, (id) => id);
    this.#add(handler, (event) => {
      if (!isButtonTap(event)) return undefined;
      const id = event.type === 'button' ? event.payload : event.reply.id;
      const found = id === undefined ? undefined : find(id);
      return found && ((run) => handler({ ...contextFor<ButtonTap>(event, run), ...found }));
    });
  }

  /** Messages that no other handler takes, wherever it is declared. Without it they are left alone. */
  onUnhandled(handler: Handler<MessageHandlerContext<InboundMessage>>): void {
    this.#mayAdd(handler);
    if (this.#unhandled !== undefined) throw invalid('onUnhandled is declared twice');
    this.#unhandled = handler;
  }

  /** Ends the declaration: a handler that is added later would be in one process and not in another. */
  build(): Bot {
    this.#closed = true;
    return new Bot([...this.#routes], this.#unhandled);
  }

  #add(handler: unknown, route: Route): void {
    this.#mayAdd(handler);
    this.#routes.push(route);
  }

  #mayAdd(handler: unknown): void {
    if (this.#closed) throw invalid('a handler is declared after the function given to defineBot has returned');
    if (typeof handler !== 'function') throw invalid('a handler is not a function');
  }
}

/**
 * Makes a bot out of its handlers; `define` runs once, right away.
 *
 * @throws WahookError `invalid_bot`
 */
export function defineBot(define: (bot: BotBuilder) => void): Bot {
  if (typeof define !== 'function') throw invalid('defineBot needs a function: defineBot((bot) => { … })');
  const builder = new BotBuilder();
  const returned: unknown = define(builder);
  const bot = builder.build();
  if (returned instanceof Promise) {
    // Its rejection, if any, is beside the point from here on.
    returned.catch(() => undefined);
    throw invalid('the function given to defineBot is async: await outside of it, at the top of the file');
  }
  return bot;
}

function finder<Pattern>(
  pattern: Pattern,
  normalise: (text: string) => string,
): (value: string) => Found<Pattern> | undefined;
function finder(
  pattern: unknown,
  normalise: (text: string) => string,
): (value: string) => Partial<Matched> | undefined {
  if (pattern instanceof RegExp) {
    // A copy, and from the start each time: with `g` or `y` the author's object would remember where it stopped last.
    const own = new RegExp(pattern);
    return (value) => {
      own.lastIndex = 0;
      const match = own.exec(value);
      return match === null ? undefined : { match };
    };
  }
  if (typeof pattern !== 'string') throw invalid('a pattern is neither a text nor a regular expression');
  const wanted = normalise(pattern);
  return (value) => (normalise(value) === wanted ? {} : undefined);
}

/** Two texts that read alike are alike: phones differ in how they spell an accented letter. */
function plain(text: string): string {
  return text.normalize().trim().toLowerCase();
}

function isButtonTap(event: WebhookEvent): event is ButtonTap {
  return isOfKind(event, 'message.interactive.button_reply') || isOfKind(event, 'message.button');
}

function invalid(problem: string): WahookError {
  return new WahookError('invalid_bot', problem);
}
