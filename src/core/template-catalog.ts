import { WahookError } from './errors.ts';
import type { MessageTemplate } from './message-template.ts';
import type { AccountEvent } from './model.ts';
import type { ListOptions, TemplateAccount, TemplateSource } from './ports/channel.ts';
import type { Clock } from './ports/observation.ts';
import { realTimers } from './real-timers.ts';

/** Templates change by hand, and Meta tells of most changes; this is for those of which another process was told. */
const KEPT_MS = 300_000;

/** A token without the permission, or a Graph API that is silent, is not asked again for each message that names a template. */
const FAILURE_KEPT_MS = 30_000;

/** Some accounts with some hundred templates each are some MB. */
const MAX_ACCOUNTS = 100;

const CHANGES = ['message_template_status_update', 'message_template_components_update', 'template_category_update'];

interface Kept {
  readonly templates: Promise<readonly MessageTemplate[]>;
  readonly sinceMs: number;
}

interface Failure {
  readonly error: unknown;
  readonly sinceMs: number;
}

/** Remembers the templates of each account for five minutes, or until Meta tells this process that one of them has changed. */
export class TemplateCatalog implements TemplateSource {
  readonly #source: TemplateSource;
  readonly #clock: Clock;
  readonly #optionalMs: number;
  readonly #kept = new Map<string, Kept>();
  readonly #failures = new Map<string, Failure>();

  /** @param optionalMs how long those wait who can do without */
  constructor(source: TemplateSource, clock: Clock, optionalMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#optionalMs = optionalMs;
  }

  /**
   * Of concurrent callers one asks Meta, for all of them. Who can do without hears of a failure, or that the answer is late, for
   * half a minute from memory; all others ask again.
   */
  async list(account: TemplateAccount, options: ListOptions = {}): Promise<readonly MessageTemplate[]> {
    const { notOlderThanMs = KEPT_MS, optional = false, signal } = options;
    const id = account.businessAccountId;
    const failure = optional ? this.#failures.get(id) : undefined;
    if (failure !== undefined && failure.sinceMs + FAILURE_KEPT_MS > this.#clock.now()) throw failure.error;
    const templates = this.#asked(account, notOlderThanMs);
    return await this.#waited(templates, optional ? id : undefined, signal);
  }

  /** Forgets the templates of an account if the event says that one has changed; an answer that is under way is not kept either. */
  heard({ field, businessAccountId }: Pick<AccountEvent, 'field' | 'businessAccountId'>): void {
    if (CHANGES.includes(field)) this.#kept.delete(businessAccountId);
  }

  #asked(account: TemplateAccount, notOlderThanMs: number): Promise<readonly MessageTemplate[]> {
    const { businessAccountId: id } = account;
    const kept = this.#kept.get(id);
    const sinceMs = this.#clock.now();
    if (kept !== undefined && kept.sinceMs + Math.min(notOlderThanMs, KEPT_MS) > sinceMs) return kept.templates;
    const asked: Kept = { templates: this.#source.list(account), sinceMs };
    put(this.#kept, id, asked);
    asked.templates.then(
      () => this.#failures.delete(id),
      (error: unknown) => {
        if (this.#kept.get(id) !== asked) return;
        this.#kept.delete(id);
        this.#failed(id, error);
      },
    );
    return asked.templates;
  }

  /** @param optionalFor the account, for a caller that can do without its templates */
  async #waited<Value>(value: Promise<Value>, optionalFor: string | undefined, signal?: AbortSignal): Promise<Value> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal?.reason);
    const late = (id: string) => {
      const error = new WahookError('templates_unavailable', 'The templates cannot be had: the answer takes too long');
      this.#failed(id, error);
      reject(error);
    };
    const cancel = optionalFor === undefined ? undefined : realTimers.after(this.#optionalMs, () => late(optionalFor));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      return await Promise.race([value, over]);
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', stop);
    }
  }

  #failed(id: string, error: unknown): void {
    put(this.#failures, id, { error, sinceMs: this.#clock.now() });
  }
}

function put<Value>(map: Map<string, Value>, id: string, value: Value): void {
  map.delete(id);
  const [oldest] = map.keys();
  if (oldest !== undefined && map.size >= MAX_ACCOUNTS) map.delete(oldest);
  map.set(id, value);
}
