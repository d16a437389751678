import type { MessageTemplate } from './message-template.ts';
import type { AccountEvent } from './model.ts';
import type { TemplateAccount, TemplateSource } from './ports/channel.ts';
import type { Clock } from './ports/observation.ts';

/** Templates change by hand, and Meta tells of most changes; this is for those of which another process was told. */
const KEPT_MS = 300_000;

/** Some accounts with some hundred templates each are some MB. */
const MAX_ACCOUNTS = 100;

const CHANGES = ['message_template_status_update', 'message_template_components_update', 'template_category_update'];

interface Kept {
  readonly templates: Promise<readonly MessageTemplate[]>;
  readonly sinceMs: number;
}

/** Remembers the templates of each account for five minutes, or until Meta tells this process that one of them has changed. */
export class TemplateCatalog implements TemplateSource {
  readonly #source: TemplateSource;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(source: TemplateSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Of concurrent callers one asks Meta, for all of them. A failure is not remembered. */
  list(account: TemplateAccount, { notOlderThanMs = KEPT_MS } = {}): Promise<readonly MessageTemplate[]> {
    const { businessAccountId: id } = account;
    const kept = this.#kept.get(id);
    const sinceMs = this.#clock.now();
    if (kept !== undefined && kept.sinceMs + Math.min(notOlderThanMs, KEPT_MS) > sinceMs) return kept.templates;
    const asked: Kept = { templates: this.#source.list(account), sinceMs };
    this.#kept.delete(id);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MAX_ACCOUNTS) this.#kept.delete(oldest);
    this.#kept.set(id, asked);
    asked.templates.catch(() => {
      if (this.#kept.get(id) === asked) this.#kept.delete(id);
    });
    return asked.templates;
  }

  /** Forgets the templates of an account if the event says that one has changed; an answer that is under way is not kept either. */
  heard({ field, businessAccountId }: Pick<AccountEvent, 'field' | 'businessAccountId'>): void {
    if (CHANGES.includes(field)) this.#kept.delete(businessAccountId);
  }
}
