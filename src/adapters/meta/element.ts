import type { EventKey, Json, ReportedError, WebhookEvent } from '../../core/model.ts';
import type { Origin, QuarantinedPiece, QuarantineReason, WebhookElement } from '../../core/ports/receiving.ts';
import type { Contacts } from './people.ts';
import { findFlaw } from './storable-json.ts';
import { writeJson } from './wire-json.ts';

/** A piece of the body, and where it stands in it. */
export class Place implements Origin {
  /** E.g. `entry[0].changes[0]`. */
  readonly path: string;
  readonly wire: Json;
  readonly #bodyWith: (wire: Json) => Json;

  /** @param bodyWith the webhook that holds this piece alone; asked for only if it is quarantined */
  constructor(path: string, wire: Json, bodyWith: (wire: Json) => Json) {
    this.path = path;
    this.wire = wire;
    this.#bodyWith = bodyWith;
  }

  /**
   * The piece as a webhook of its own. Decoding that one gives the same event under the same key, or the same piece with
   * the same bytes. Not the bytes that came, but the same JSON: strings (with NUL, lone surrogates, any escape), keys
   * (`__proto__` too), nesting of any depth. What is not kept is what decoding does not see either: blanks, the first of
   * two equal keys, whether an integer beyond 2^53 was a string, the digits of a number that no double has (1e400 is null).
   */
  quarantined(reason: QuarantineReason): QuarantinedPiece {
    return { reason, path: this.path, raw: Buffer.from(writeJson(this.#bodyWith(this.wire))) };
  }
}

/** One change of one entry. */
export interface Change {
  /** `entry[].id` */
  readonly businessAccountId: string;
  /** `entry[].time`: account-level fields only. */
  readonly time?: string | number;
  readonly field: string;
  readonly value: Json;
}

/** What the messages and statuses of one value share. */
export interface ValueContext {
  readonly businessAccountId: string;
  readonly phoneNumberId: string;
  readonly displayPhoneNumber?: string;
  readonly contacts: Contacts;
  /** Errors that stand in the value, beside its messages. */
  readonly errors: readonly ReportedError[];
  /** The value has one message and no more. */
  readonly single: boolean;
}

export interface Decoded<Event extends WebhookEvent = WebhookEvent> {
  readonly key: EventKey;
  readonly event: Event;
}

export function decoded(origin: Place, { key, event }: Decoded): WebhookElement {
  return { kind: 'event', key, event, origin };
}

export function quarantined(place: Place, reason: QuarantineReason): WebhookElement {
  return { kind: 'quarantined', piece: place.quarantined(reason) };
}

/** The event that `decode` makes of the piece, or else the piece alone, quarantined. */
export function elementAt(place: Place, decode: (wire: Json) => Decoded | undefined): WebhookElement {
  const flaw = findFlaw(place.wire);
  const found = flaw === undefined ? decode(place.wire) : undefined;
  return found === undefined ? quarantined(place, flaw ?? 'wrong_shape') : decoded(place, found);
}
