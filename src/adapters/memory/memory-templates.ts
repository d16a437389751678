import { WahookError } from '../../core/errors.ts';
import type { MessageTemplate } from '../../core/message-template.ts';
import type { TemplateAccount, TemplateSource } from '../../core/ports/channel.ts';

/** Templates in memory: for tests. */
export class MemoryTemplates implements TemplateSource {
  readonly #accounts = new Map<string, readonly MessageTemplate[]>();

  /** Has the account have these, and no others. */
  put(businessAccountId: string, templates: readonly MessageTemplate[]): void {
    this.#accounts.set(businessAccountId, structuredClone(templates));
  }

  async list({ businessAccountId }: TemplateAccount): Promise<readonly MessageTemplate[]> {
    const templates = this.#accounts.get(businessAccountId);
    if (templates === undefined)
      throw new WahookError('templates_unavailable', 'The templates cannot be had: the account is not there');
    return structuredClone(templates);
  }
}
