import type { EventKey, Json, ReportedError, WebhookEvent } from '../../core/model.ts';
import type { QuarantineReason, WebhookElement } from '../../core/ports.ts';
import type { Contacts } from './people.ts';
import { findFlaw } from './storable-json.ts';
import { writeJson } from './wire-json.ts';

/** A piece of the body, and where it stands in it, e.g. `entry[0].changes[0]`. */
export interface Place {
  readonly path: string;
  readonly wire: Json;
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

export function decoded({ key, event }: Decoded): WebhookElement {
  return { kind: 'event', key, event };
}

export function quarantined({ path, wire }: Place, reason: QuarantineReason): WebhookElement {
  return { kind: 'quarantined', piece: { reason, path, raw: Buffer.from(writeJson(wire)) } };
}

/** The event that `decode` makes of the piece, or else the piece alone, quarantined. */
export function elementAt(place: Place, decode: (wire: Json) => Decoded | undefined): WebhookElement {
  const flaw = findFlaw(place.wire);
  const found = flaw === undefined ? decode(place.wire) : undefined;
  return found === undefined ? quarantined(place, flaw ?? 'wrong_shape') : decoded(found);
}
