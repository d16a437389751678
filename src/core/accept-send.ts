import { sendJob } from './lanes.ts';
import { checkOutbound } from './message-limits.ts';
import type { OutboundMessage } from './model.ts';
import type { Clock } from './ports/observation.ts';
import type { MessageQueue } from './ports/queue.ts';
import type { DedupStore } from './ports/receiving.ts';
import type { SentMessages, ServiceWindows } from './ports/sending.ts';
import { needsWindow } from './service-window.ts';
import type { TemplateCheck } from './template-check.ts';

/** A message that somebody outside of the bot wants to send. */
export type SendRequest = Omit<OutboundMessage, 'sendId' | 'causedAtMs'>;

export type AcceptedSend =
  /** Stored, now or by an earlier call with this key: it will be sent once. */
  | { readonly outcome: 'accepted'; readonly sendId: string }
  /**
   * The customer service window of the recipient is known to be closed since then, and the message names no fallback. Nothing was
   * stored, so the key is free.
   */
  | { readonly outcome: 'window_closed'; readonly closedAtMs: number }
  /** Nothing can be sent from this number. Nothing was stored, so the key is free. */
  | { readonly outcome: 'unknown_number' }
  /** By the account's own templates Meta would refuse it; `problem` says why. Nothing was stored, so the key is free. */
  | { readonly outcome: 'unfit_template'; readonly problem: string }
  /** The key was used for another message. Nothing was stored. */
  | { readonly outcome: 'conflict' }
  /** Another call with this key is at work. Ask again. */
  | { readonly outcome: 'busy' };

export interface AcceptRules {
  /** What becomes of a message after the window is closed: told at once, or left to Meta. */
  readonly outsideWindow: 'refuse' | 'try';
  /** Whether messages can be sent from the number with this id. */
  readonly isOurs: (phoneNumberId: string) => boolean;
  readonly templates: Pick<TemplateCheck, 'problemWith'>;
}

/** Takes messages to send from outside of the bot, each once by the key that its caller chose. Keys are kept for 15 days, and for as long as their message is. */
export class AcceptSend {
  readonly #dedup: DedupStore;
  readonly #queue: MessageQueue;
  readonly #sentMessages: Pick<SentMessages, 'queued'>;
  readonly #windows: Pick<ServiceWindows, 'closesAtMs'>;
  readonly #clock: Clock;
  readonly #rules: AcceptRules;

  constructor(
    dedup: DedupStore,
    queue: MessageQueue,
    sentMessages: Pick<SentMessages, 'queued'>,
    windows: Pick<ServiceWindows, 'closesAtMs'>,
    clock: Clock,
    rules: AcceptRules,
  ) {
    this.#dedup = dedup;
    this.#queue = queue;
    this.#sentMessages = sentMessages;
    this.#windows = windows;
    this.#clock = clock;
    this.#rules = rules;
  }

  /**
   * Stores the message in the outbox; its id follows from the key, so that a repetition gets the same, also if it would be refused
   * by then. Of concurrent calls with one key one stores it.
   *
   * @throws WahookError `invalid_message`, `storage_unavailable`, `unstorable`
   */
  async run(request: SendRequest, idempotencyKey: string): Promise<AcceptedSend> {
    const digest = await sha256(idempotencyKey);
    const sendId = uuidOf(digest);
    const message: OutboundMessage = { sendId, ...request };
    checkOutbound(message);
    // Before the unit of work: an embedded database has one connection, which that unit holds.
    const stored = await this.#sentMessages.queued(sendId);
    if (stored !== undefined)
      return isSame(stored, message) ? { outcome: 'accepted', sendId } : { outcome: 'conflict' };
    const refusal = await this.#refusalOf(message);
    const used = `api|${digest}`;
    const usedForThis = `api|${digest}|${await sha256(canonical(request))}`;
    try {
      const keys = [used, usedForThis].map((id) => ({ id, day: 0 }));
      const { busy } = await this.#dedup.once(keys, async (fresh, unit) => {
        if (!fresh.includes(used)) throw new KeyOfAnother();
        if (refusal !== undefined) throw new Refused();
        await this.#queue.publish('outbound', [sendJob(message)], unit);
      });
      return busy.length > 0 ? { outcome: 'busy' } : { outcome: 'accepted', sendId };
    } catch (error) {
      if (error instanceof KeyOfAnother) return { outcome: 'conflict' };
      if (error instanceof Refused && refusal !== undefined) return refusal;
      throw error;
    }
  }

  /** Undefined as long as the message may go, as far as we know. */
  async #refusalOf(message: OutboundMessage): Promise<AcceptedSend | undefined> {
    if (!this.#rules.isOurs(message.phoneNumberId)) return { outcome: 'unknown_number' };
    const problem = await this.#rules.templates.problemWith(message);
    if (problem !== undefined) return { outcome: 'unfit_template', problem };
    const closedAtMs = await this.#closedAtMs(message);
    return closedAtMs === undefined ? undefined : { outcome: 'window_closed', closedAtMs };
  }

  async #closedAtMs(message: OutboundMessage): Promise<number | undefined> {
    if (this.#rules.outsideWindow === 'try' || message.fallback !== undefined || !needsWindow(message))
      return undefined;
    const closesAtMs = await this.#windows.closesAtMs(message.phoneNumberId, message.to);
    return closesAtMs !== undefined && closesAtMs <= this.#clock.now() ? closesAtMs : undefined;
  }
}

/** Ends the unit of work: the key is known, but not with this message. */
class KeyOfAnother extends Error {}

/** Ends the unit of work of a message that would never go out. */
class Refused extends Error {}

function isSame(one: OutboundMessage, other: OutboundMessage): boolean {
  return canonical(one) === canonical(other);
}

/** The same text for the same content, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The first half of a digest in the form of a UUID (version 8: made by a rule of one's own, RFC 9562). */
function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
