import type { Identifiers } from './identifiers.ts';
import { SimulatorError } from './simulator-error.ts';

/** A simulated person with WhatsApp. At least one of `waId` and `userId` is there. */
export interface Customer {
  /** Name for whoever drives the simulator; never on the wire. */
  readonly id: string;
  readonly name: string;
  /** Digits of the phone number. Absent: the business may not see it (a customer with a user name, since 2026). */
  readonly waId?: string;
  /** Business-scoped user id, `US.` and digits. */
  readonly userId: string;
  readonly username?: string;
}

export interface NewCustomer {
  readonly id: string;
  /** Default: the id. */
  readonly name?: string;
  /** With or without `+`, spaces and dashes. Without a phone there must be a user name or a user id. */
  readonly phone?: string;
  readonly username?: string;
  /** Default: made up from the seed. */
  readonly userId?: string;
}

/** Whom a send request is for. */
export type Recipient =
  | { readonly by: 'phone'; readonly digits: string }
  | { readonly by: 'user_id'; readonly userId: string }
  | { readonly by: 'group'; readonly groupId: string };

/** Ana shares her number. Kim goes by a user name and has no number that we could see: code that relies on `from` fails on her. */
const PRESETS: readonly NewCustomer[] = [
  { id: 'ana', name: 'Ana Souza', phone: '15550100001', userId: 'US.13491208655302741918' },
  { id: 'kim', name: 'Kim Park', username: 'kim.park', userId: 'US.20718355490126637745' },
];

/** The people of the simulated world. */
export class Customers {
  readonly #ids: Identifiers;
  readonly #byId = new Map<string, Customer>();

  constructor(ids: Identifiers) {
    this.#ids = ids;
    this.reset();
  }

  get all(): readonly Customer[] {
    return [...this.#byId.values()];
  }

  /** @throws SimulatorError `invalid` if the id is taken or there is no address at all */
  add(customer: NewCustomer): Customer {
    if (this.#byId.has(customer.id)) throw new SimulatorError('invalid', `Customer ${customer.id} exists already.`);
    const digits = customer.phone?.replace(/\D/g, '');
    if (!digits && !customer.username && !customer.userId)
      throw new SimulatorError('invalid', `Customer ${customer.id} needs a phone, a username or a userId.`);
    const added: Customer = {
      id: customer.id,
      name: customer.name ?? customer.id,
      ...(digits ? { waId: digits } : {}),
      userId: customer.userId ?? `US.${this.#ids.userDigits()}`,
      ...(customer.username === undefined ? {} : { username: customer.username }),
    };
    this.#byId.set(added.id, added);
    return added;
  }

  /** @throws SimulatorError `unknown_customer` */
  get(id: string): Customer {
    const customer = this.#byId.get(id);
    if (customer) return customer;
    throw new SimulatorError('unknown_customer', `No customer ${id}. There are: ${[...this.#byId.keys()].join(', ')}.`);
  }

  /** @throws SimulatorError `unknown_customer`, `invalid` if somebody has the number */
  changeNumber(id: string, phone: string): void {
    const waId = phone.replace(/\D/g, '');
    const holder = this.find({ by: 'phone', digits: waId });
    if (holder || !waId) throw new SimulatorError('invalid', `${phone} cannot be the new number of ${id}.`);
    this.#byId.set(id, { ...this.get(id), waId });
  }

  /** The person behind an address, if there is one already. Groups are nobody. */
  find(recipient: Recipient): Customer | undefined {
    if (recipient.by === 'group') return undefined;
    return this.all.find((customer) =>
      recipient.by === 'phone' ? customer.waId === recipient.digits : customer.userId === recipient.userId,
    );
  }

  /** As `find`, but a stranger becomes a customer under their address: Meta delivers to every number with WhatsApp. */
  reach(recipient: Exclude<Recipient, { by: 'group' }>): Customer {
    const known = this.find(recipient);
    if (known) return known;
    return recipient.by === 'phone'
      ? this.add({ id: recipient.digits, phone: recipient.digits })
      : this.add({ id: recipient.userId, userId: recipient.userId });
  }

  /** Back to the presets. */
  reset(): void {
    this.#byId.clear();
    for (const preset of PRESETS) this.add(preset);
  }
}

/** What stands in the wamids of this customer: the number, else the digits of the BSUID (a model: Meta's are not known). */
export function wamidDigits(customer: Customer): string {
  return customer.waId ?? customer.userId.replace(/\D/g, '').slice(0, 15);
}
