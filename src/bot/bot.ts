import { saysSomething } from '../core/burst-turn.ts';
import { describeUnexpected, PermanentError } from '../core/errors.ts';
import type { WebhookEvent } from '../core/model.ts';
import type { BurstTurn, HandlerRun } from '../core/ports/bot.ts';
import { type BotTraits, RunScope } from './run-scope.ts';

/** What an author's function gets; which context fits it was decided where it was declared. */
export type AnyHandler = (ctx: never) => unknown;

export type AnyMiddleware = (ctx: never, next: () => Promise<void>) => unknown;

export type AnyErrorHandler = (error: unknown, ctx: never) => unknown;

/** Takes an event, with what it adds to the context, or leaves it to the next. */
export interface Route {
  readonly takes: (event: WebhookEvent) => object | undefined;
  readonly handler: AnyHandler;
}

/** All that was declared for a bot. */
export interface Declared {
  readonly routes: readonly Route[];
  readonly middleware: readonly AnyMiddleware[];
  readonly answers: ReadonlyMap<string, AnyHandler>;
  readonly unhandled: AnyHandler | undefined;
  readonly onError: AnyErrorHandler | undefined;
  readonly initialSession: () => unknown;
  readonly turn: BurstTurn | undefined;
}

/** The handlers of a bot in the order of their declaration. Made by `defineBot`; holds nothing that changes. */
export class Bot implements BotTraits {
  readonly #declared: Declared;

  constructor(declared: Declared) {
    this.#declared = declared;
  }

  get handlerCount(): number {
    const { routes, answers, unhandled } = this.#declared;
    return routes.length + answers.size + (unhandled === undefined ? 0 : 1);
  }

  get turn(): BurstTurn | undefined {
    return this.#declared.turn;
  }

  get initialSession(): () => unknown {
    return this.#declared.initialSession;
  }

  hasAnswer(name: string): boolean {
    return this.#declared.answers.has(name);
  }

  /** False if nothing that was declared would run over the event. Middleware runs over every event. */
  listensTo(event: WebhookEvent): boolean {
    const { routes, middleware, answers, unhandled } = this.#declared;
    if (middleware.length > 0 || routes.some(({ takes }) => takes(event) !== undefined)) return true;
    return event.kind === 'message' && (unhandled !== undefined || answers.size > 0);
  }

  /** One run over one event. @throws what the handler throws, or a `PermanentError`, unless the bot drops it */
  async handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    const scope = new RunScope(event, run, this);
    try {
      await this.#fromMiddleware(0, scope);
      await scope.finish();
    } catch (error) {
      if (this.#declared.onError === undefined || run.signal.aborted) throw error;
      await this.#judge(this.#declared.onError, error, scope);
    } finally {
      scope.close();
    }
  }

  async #fromMiddleware(index: number, scope: RunScope): Promise<void> {
    const middleware = this.#declared.middleware[index];
    if (middleware === undefined) return await this.#answerOrRoute(scope);
    const next = onlyOnce(() => this.#fromMiddleware(index + 1, scope));
    await middleware({ ...scope.context, next } as never, next);
  }

  async #answerOrRoute(scope: RunScope): Promise<void> {
    const answer = await this.#answerTo(scope);
    if (answer === undefined) await this.#fromRoute(0, scope);
    else await call(answer, scope, {}, () => this.#fromRoute(0, scope));
  }

  /** The handler that waits for this message, and from now on does not wait any more. */
  async #answerTo(scope: RunScope): Promise<AnyHandler | undefined> {
    const { event } = scope;
    const { answers } = this.#declared;
    if (answers.size === 0 || event.kind !== 'message' || !saysSomething(event)) return undefined;
    const asked = await scope.conversation.asked();
    if (asked === undefined) return undefined;
    scope.conversation.answer();
    const isLate = asked.untilMs !== undefined && event.sentAtMs > asked.untilMs;
    return isLate ? undefined : answers.get(asked.name);
  }

  async #fromRoute(from: number, scope: RunScope): Promise<void> {
    const { routes, unhandled } = this.#declared;
    for (const [index, { takes, handler }] of routes.entries()) {
      const found = index < from ? undefined : takes(scope.event);
      if (found !== undefined) return await call(handler, scope, found, () => this.#fromRoute(index + 1, scope));
    }
    if (unhandled !== undefined && scope.event.kind === 'message') await call(unhandled, scope, {}, async () => {});
  }

  async #judge(onError: AnyErrorHandler, error: unknown, scope: RunScope): Promise<void> {
    scope.discard();
    const verdict = await this.#verdict(onError, error, scope);
    if (verdict === 'dead letter') throw givenUp(error);
    if (verdict !== 'drop') throw error;
    await scope.finish();
  }

  async #verdict(onError: AnyErrorHandler, error: unknown, scope: RunScope): Promise<unknown> {
    try {
      return await onError(error, { ...scope.context, next: async () => {} } as never);
    } catch (second) {
      scope.log.error('onError has failed itself', describeUnexpected(second));
      return 'retry';
    }
  }
}

async function call(handler: AnyHandler, scope: RunScope, found: object, next: () => Promise<void>): Promise<void> {
  await handler({ ...scope.context, ...found, next: onlyOnce(next) } as never);
}

function onlyOnce(next: () => Promise<void>): () => Promise<void> {
  let called = false;
  return async () => {
    if (called) throw new Error('next() was called twice');
    called = true;
    await next();
  };
}

/** The same error, which nothing can mend. */
function givenUp(error: unknown): PermanentError {
  if (error instanceof PermanentError) return error;
  if (!(error instanceof Error))
    return new PermanentError('something that is not an Error was thrown', { cause: error });
  const given = new PermanentError(error.message, { cause: error });
  given.name = error.name;
  if (error.stack !== undefined) given.stack = error.stack;
  return given;
}
