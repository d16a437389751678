import { isWahookError, WahookError } from '../core/errors.ts';
import { isCalled, type MessageTemplate } from '../core/message-template.ts';
import type { InboundMessage } from '../core/model.ts';
import type { TemplateParts } from '../core/outbound-content.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import type { ListOptions } from '../core/ports/channel.ts';
import { type Template, templateProblem } from '../core/template-check.ts';
import type { Reply, ReplyOptions } from './reply.ts';
import type { SentReply } from './sent-reply.ts';

/**
 * The templates of the account that the message came to, as Meta has them; up to five minutes old. The access token needs the permission
 * `whatsapp_business_management`. What cannot be had throws WahookError `templates_unavailable`: let the handler fail, and it runs again.
 */
export class MessageTemplates {
  readonly #message: InboundMessage;
  readonly #reply: Reply;
  readonly #run: HandlerRun;

  constructor(message: InboundMessage, reply: Reply, run: HandlerRun) {
    this.#message = message;
    this.#reply = reply;
    this.#run = run;
  }

  /** All of them, whatever their status. */
  list(): Promise<readonly MessageTemplate[]> {
    const { businessAccountId, phoneNumberId } = this.#message;
    return this.#run.channel.templates.list({ businessAccountId, phoneNumberId });
  }

  /** Undefined: there is none of this name in this language. */
  async get(name: string, language: string): Promise<MessageTemplate | undefined> {
    return (await this.list()).find((template) => isCalled(template, name, language));
  }

  /**
   * Resolves if `parts` fill the template's own places. @throws WahookError `invalid_message` that names everything that is missing,
   * too much or of another kind, or says that there is no such template
   */
  async check(name: string, language: string, parts: TemplateParts = {}): Promise<void> {
    await this.#check({ name, language, ...parts }, {});
  }

  /**
   * Checks as `check` does and then queues as `reply.template` does, so await it. If the templates cannot be had within 2.5 s, or could
   * not in the last half a minute, it is queued unchecked, and the log says so: then Meta alone checks it.
   */
  async reply(
    name: string,
    language: string,
    parts: TemplateParts = {},
    options: ReplyOptions = {},
  ): Promise<SentReply> {
    try {
      await this.#check({ name, language, ...parts }, { optional: true });
    } catch (error) {
      if (!isWahookError(error, 'templates_unavailable')) throw error;
      this.#run.log.warn('A template is sent unchecked', { reason: error.message });
    }
    return await this.#reply.template(name, language, parts, options);
  }

  async #check(template: Template, options: Pick<ListOptions, 'optional'>): Promise<void> {
    const { businessAccountId, phoneNumberId } = this.#message;
    const account = { businessAccountId, phoneNumberId };
    const problem = await templateProblem(this.#run.channel.templates, account, [template], options);
    if (problem !== undefined) throw new WahookError('invalid_message', problem);
  }
}
