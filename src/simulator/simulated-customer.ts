import type { CustomerContent, CustomerMessages } from './customer-messages.ts';
import type { Customer } from './customers.ts';
import { CustomerTurn } from './effects.ts';
import type { TranscriptRecord, World } from './world.ts';

/** One customer in the hands of a test. What they do is on its way at once; what is returned lets one wait for its effect. */
export class SimulatedCustomer {
  readonly #world: World;
  readonly #messages: CustomerMessages;
  readonly #customer: Customer;

  constructor(world: World, messages: CustomerMessages, customer: Customer) {
    this.#world = world;
    this.#messages = messages;
    this.#customer = customer;
  }

  get id(): string {
    return this.#customer.id;
  }

  get waId(): string | undefined {
    return this.#customer.waId;
  }

  get userId(): string {
    return this.#customer.userId;
  }

  says(text: string, options: { readonly replyTo?: string } = {}): CustomerTurn {
    return this.sends({ type: 'text', text, ...options });
  }

  /** Taps a button of the last interactive message, by its title. @throws SimulatorError `nothing_to_tap` */
  taps(title: string): CustomerTurn {
    return this.sends({ type: 'tap', title });
  }

  /** @throws SimulatorError `nothing_to_tap` or `no_webhook_url` */
  sends(content: CustomerContent): CustomerTurn {
    const { record, webhook } = this.#messages.send(this.#customer.id, content);
    return new CustomerTurn(this.#world, record, webhook);
  }

  /** The chat so far, oldest first. */
  get chat(): readonly TranscriptRecord[] {
    return this.#world.transcript.items.filter((record) => record.customer === this.#customer.id);
  }
}
