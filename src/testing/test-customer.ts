import type { CustomerContent } from '../simulator/customer-messages.ts';
import { SimulatorError } from '../simulator/simulator-error.ts';
import type { InboundRecord, OutboundRecord } from '../simulator/world.ts';
import type { Conversation } from './conversation.ts';
import { ExpectedReply } from './expected-reply.ts';
import { textOf } from './message-line.ts';
import type { TestService } from './test-service.ts';

type FileType = 'image' | 'video' | 'audio' | 'document' | 'sticker';

/** Bytes in place of base64. */
type WithBytes<Content extends CustomerContent> = Content extends { readonly type: FileType }
  ? Omit<Content, 'data'> & { readonly data?: Uint8Array }
  : Content;

/** What a customer can send besides text. `data`: the bytes of a file, which `ctx.media` fetches; without it a file has a few of its own. */
export type CustomerSends = WithBytes<
  Extract<CustomerContent, { readonly type: FileType | 'location' | 'contacts' | 'raw' }>
>;

/**
 * A customer in the hands of a test. Everything that a customer does resolves when the bot has nothing left to do about it:
 * messages handled, replies sent, their statuses in, failures tried again (as far as `settle` reaches).
 */
export class TestCustomer {
  readonly name: string;
  readonly #id: string;
  readonly #service: TestService;
  readonly #conversation: Conversation;
  /** What the customer did last, and how many of the replies to it the test has looked at. */
  #turn = { afterSeq: 0, startedAtMs: 0, looked: 0 };

  constructor(id: string, name: string, service: TestService, conversation: Conversation) {
    this.name = name;
    this.#id = id;
    this.#service = service;
    this.#conversation = conversation;
    this.#begin();
  }

  /** Digits of the phone number; absent where the business may not see it. */
  get waId(): string | undefined {
    return this.#service.meta.customer(this.#id).waId;
  }

  get userId(): string {
    return this.#service.meta.customer(this.#id).userId;
  }

  says(text: string): Promise<void> {
    return this.#send({ type: 'text', text });
  }

  /** Taps a button of the last message that has buttons, by its title or its id. */
  taps(button: string): Promise<void> {
    return this.#choose('tap', button);
  }

  /** Picks a row of the last list, by its title or its id. */
  picks(row: string): Promise<void> {
    return this.#choose('pick', row);
  }

  /** An image, a place, a document … `raw`: an element of Meta's `messages[]` as it is. */
  sends(content: CustomerSends): Promise<void> {
    return this.#send(encoded(content));
  }

  /** Says something and quotes a message of the bot: its last one, or the last in whose text `which` finds something. */
  repliesTo(which: RegExp | 'last', text: string): Promise<void> {
    return this.#send({ type: 'text', text, replyTo: this.#messageOfBot(which).wamid });
  }

  /** Reacts to the bot's last message; without an emoji the reaction is taken back. */
  reacts(emoji?: string): Promise<void> {
    const messageId = this.#messageOfBot('last').wamid;
    return this.#send({ type: 'reaction', messageId, ...(emoji !== undefined && { emoji }) });
  }

  /** Edits their own last text. */
  edits(text: string): Promise<void> {
    const isText = (record: { readonly direction: string; readonly type: string }): record is InboundRecord =>
      record.direction === 'inbound' && record.type === 'text';
    const own = this.#records().findLast(isText);
    if (own === undefined) throw this.#impossible(this.edits, `${this.name} has not said anything to edit`);
    return this.#send({ type: 'edit', messageId: own.wamid, text });
  }

  /** Opens the chat: every message that was delivered is read. */
  async reads(): Promise<void> {
    this.#begin();
    for (const record of this.#records()) if (record.direction === 'outbound') this.#service.meta.read(record);
    await this.#service.settle();
  }

  /** The phone is off: messages are `sent`, and neither delivered nor read, until the customer is back. */
  async goesOffline(): Promise<void> {
    this.#service.meta.setOnline(this.#id, false);
    await this.#service.settle();
  }

  async comesBack(): Promise<void> {
    this.#begin();
    this.#service.meta.setOnline(this.#id, true);
    await this.#service.settle();
  }

  /** Has another phone number from now on, which Meta tells the service. */
  changesNumber(phone: string): Promise<void> {
    const previousWaId = this.waId;
    if (previousWaId === undefined) throw this.#impossible(this.changesNumber, `${this.name} has no number to change`);
    this.#service.meta.changeNumber(this.#id, phone);
    return this.#send({ type: 'changed_number', previousWaId });
  }

  /**
   * The next message of the bot that the test has not looked at, of those since what the customer did last.
   * @throws AssertionError with the conversation if there is none
   */
  expectReply(): ExpectedReply {
    const replies = this.#replies();
    const record = replies[this.#turn.looked];
    if (record === undefined) {
      const message = `${this.name} was expected to get ${this.#turn.looked === 0 ? 'a reply' : 'one more reply'}`;
      throw this.#conversation.failure({ message, expected: 'a reply' }, this.expectReply);
    }
    this.#turn.looked += 1;
    return new ExpectedReply(record, this.#conversation, { startedAtMs: this.#turn.startedAtMs, replies });
  }

  /** The bot has sent nothing that the test has not looked at, since what the customer did last. @throws AssertionError */
  expectNoReply(): void {
    const at = this.#replies()[this.#turn.looked];
    if (at === undefined) return;
    const message = `${this.name} was expected to get no${this.#turn.looked === 0 ? '' : ' more'} reply`;
    throw this.#conversation.failure({ message, expected: 'no reply', at }, this.expectNoReply);
  }

  /** The wamid and the text of everything that the bot has sent to this customer, oldest first. */
  get replies(): readonly { readonly id: string; readonly type: string; readonly text: string | undefined }[] {
    return this.#records().flatMap((record) =>
      record.direction === 'outbound'
        ? [{ id: record.wamid, type: record.type, text: textOf(record.type, record.request) }]
        : [],
    );
  }

  /** By the title; if nothing is called so, by the id. */
  #choose(type: 'tap' | 'pick', choice: string): Promise<void> {
    return this.#send({ type, title: choice }, { type, id: choice });
  }

  /** Does the first of these that is possible. */
  async #send(...contents: readonly CustomerContent[]): Promise<void> {
    let problem: string | undefined;
    for (const content of contents) {
      problem = this.#problemWith(content);
      if (problem === undefined) return await this.#service.settle();
    }
    throw this.#impossible(this.says, `${this.name} cannot do that: ${problem}`);
  }

  /** Undefined: it is on its way. Else why it cannot be done. */
  #problemWith(content: CustomerContent): string | undefined {
    try {
      this.#service.meta.customer(this.#id).sends(content);
    } catch (error) {
      if (error instanceof SimulatorError) return error.message;
      throw error;
    }
    this.#begin();
    return undefined;
  }

  #begin(): void {
    const { clock } = this.#service;
    this.#turn = { afterSeq: this.#conversation.lastSeq, startedAtMs: clock.now(), looked: 0 };
  }

  #records() {
    return this.#conversation.records.filter(({ customer }) => customer === this.#id);
  }

  #replies(): readonly OutboundRecord[] {
    return this.#records().filter(
      (record): record is OutboundRecord => record.direction === 'outbound' && record.seq > this.#turn.afterSeq,
    );
  }

  #messageOfBot(which: RegExp | 'last'): OutboundRecord {
    const found = this.#records().findLast(
      (record): record is OutboundRecord =>
        record.direction === 'outbound' &&
        (which === 'last' || new RegExp(which).test(textOf(record.type, record.request) ?? '')),
    );
    if (found !== undefined) return found;
    throw this.#impossible(
      this.repliesTo,
      `The bot has sent ${this.name} no ${which === 'last' ? '' : 'such '}message`,
    );
  }

  #impossible(verb: (...args: never[]) => unknown, message: string): Error {
    return this.#conversation.failure({ message, expected: 'something to do that with' }, verb);
  }
}

/** As the simulator takes it: files in base64. */
function encoded(content: CustomerSends): CustomerContent {
  if (!('data' in content) || content.data === undefined) return content as CustomerContent;
  return { ...content, data: Buffer.from(content.data).toString('base64') } as CustomerContent;
}
