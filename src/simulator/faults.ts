import type { Identifiers } from './identifiers.ts';

/** What a fault may pick on. Everything that is given must be equal. */
export interface FaultMatch {
  /** Of a webhook: `message`, `status`, `raw`. Of a Graph call: `message`, `receipt`. */
  readonly kind?: 'message' | 'status' | 'raw' | 'receipt';
  /** Id of the customer. */
  readonly customer?: string;
  /** Type of the message; of a status webhook the status. */
  readonly type?: string;
}

export type FaultSubject = FaultMatch;

interface Trigger {
  readonly match?: FaultMatch;
  /** How many matching ones it strikes, or `always`. Default: the next one. */
  readonly for?: { readonly next: number } | 'always';
}

/** The webhook is delivered `times` more often, `gapMs` apart (default 0: side by side). */
interface WebhookFault extends Trigger {
  readonly on: 'webhook';
  readonly do: 'duplicate';
  readonly times: number;
  readonly gapMs?: number;
}

/**
 * - `error` Meta's envelope with this code; `status` and `details` default to what Meta gives with it
 * - `answer` this status and body, whatever they are
 * - `accept_then_fail` accepted and `sent`, and then a status `failed` with this code
 * - `timeout` no answer and nothing accepted · `accept_then_timeout` accepted, statuses follow, but no answer
 * - `reset` the connection is reset and nothing accepted · `accept_then_reset` accepted first
 */
export type GraphFault = Trigger & { readonly on: 'graph' } & (
    | {
        readonly do: 'error';
        readonly code: number;
        readonly subcode?: number;
        readonly status?: number;
        readonly details?: string;
      }
    | { readonly do: 'answer'; readonly status: number; readonly body: string; readonly contentType?: string }
    | { readonly do: 'accept_then_fail'; readonly code: number; readonly details?: string }
    | { readonly do: 'timeout' | 'accept_then_timeout' | 'reset' | 'accept_then_reset' }
  );

export type Fault = WebhookFault | GraphFault;

export interface ArmedFault {
  readonly id: string;
  readonly fault: Fault;
  readonly summary: string;
  /** How often it will still strike; Infinity shows as null in JSON. */
  readonly remaining: number;
  readonly fired: number;
}

type Armed = { -readonly [Key in keyof ArmedFault]: ArmedFault[Key] };

/** The faults that somebody armed: nothing fails by itself. */
export class Faults {
  readonly #ids: Identifiers;
  #armed: Armed[] = [];

  constructor(ids: Identifiers) {
    this.#ids = ids;
  }

  arm(fault: Fault): ArmedFault {
    const remaining = fault.for === 'always' ? Number.POSITIVE_INFINITY : (fault.for?.next ?? 1);
    const armed = { id: this.#ids.record('f'), fault, summary: summaryOf(fault), remaining, fired: 0 };
    this.#armed.push(armed);
    return armed;
  }

  /** All since the last `clear`, spent ones included. */
  list(): readonly ArmedFault[] {
    return this.#armed;
  }

  /** Disarms one, or all. False: no such fault. */
  clear(id?: string): boolean {
    const before = this.#armed.length;
    this.#armed = id === undefined ? [] : this.#armed.filter((armed) => armed.id !== id);
    return id === undefined || this.#armed.length < before;
  }

  /** The oldest armed fault that strikes this subject; it is spent by one. */
  take<On extends Fault['on']>(on: On, subject: FaultSubject): Extract<Fault, { on: On }> | undefined {
    const armed = this.#armed.find((one) => one.fault.on === on && one.remaining > 0 && strikes(one.fault, subject));
    if (!armed) return undefined;
    armed.remaining -= 1;
    armed.fired += 1;
    return armed.fault as Extract<Fault, { on: On }>;
  }
}

function strikes({ match }: Fault, subject: FaultSubject): boolean {
  return (['kind', 'customer', 'type'] as const).every(
    (key) => match?.[key] === undefined || match[key] === subject[key],
  );
}

function summaryOf(fault: Fault): string {
  const detail = fault.do === 'duplicate' ? `×${fault.times}` : 'code' in fault ? fault.code : '';
  const deed = `${fault.do} ${detail}`.trimEnd();
  const times = fault.for === 'always' ? 'every' : `the next ${fault.for?.next ?? 1}`;
  const { kind, customer, type } = fault.match ?? {};
  const whom = [type, kind, customer && `of ${customer}`].filter(Boolean).join(' ');
  return `${deed} on ${times} ${fault.on}${whom && ` (${whom})`}`;
}
