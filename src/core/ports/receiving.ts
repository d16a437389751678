import type { EventKey, WebhookEvent } from '../model.ts';

/** Says whether a request body comes from Meta. */
export interface SignatureVerifier {
  /**
   * True if `header` (the value of `X-Hub-Signature-256`) is `sha256=` and the HMAC-SHA256 of exactly `rawBody` under one
   * of the configured secrets. Any other input is false: it never throws. Takes the same time for every wrong signature of
   * the right form.
   *
   * Known answer: secret `test_app_secret`, body `{"object":"whatsapp_business_account","entry":[]}` →
   * `sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756`.
   */
  verify(rawBody: Uint8Array, header: string | undefined): boolean;
}

/** One piece of a webhook: an event to handle, or a piece that cannot be one. */
export type WebhookElement =
  | { readonly kind: 'event'; readonly key: EventKey; readonly event: WebhookEvent; readonly origin: Origin }
  | { readonly kind: 'quarantined'; readonly piece: QuarantinedPiece };

/** The part of a webhook that an event was made from. */
export interface Origin {
  /** That part as a piece to keep, should the store refuse the event for good. */
  quarantined(reason: QuarantineReason): QuarantinedPiece;
}

/**
 * Turns the raw body of a verified webhook into its elements, in the order of the body: every message, status and other
 * field of every change of every entry. Never throws: what cannot be an event is a quarantined piece, alone.
 */
export type DecodeWebhook = (rawBody: Uint8Array) => readonly WebhookElement[];

/** An opaque unit of work: what joins it is stored together with the rest, or not at all. */
export interface Unit {
  readonly unit: unique symbol;
}

/** The answer of `DedupStore.once`, as ids of the given keys; each given key is in exactly one list. */
export interface DedupResult {
  /** Recorded now; `work` has run for them. */
  readonly fresh: readonly string[];
  /** Recorded by an earlier call whose work is done: nothing to do. */
  readonly duplicate: readonly string[];
  /** Another call works on them right now and may yet fail: ask again later, never say that they are done. */
  readonly busy: readonly string[];
}

/** Remembers which elements were accepted. Keys are kept for 15 days (Meta repeats for up to 7). */
export interface DedupStore {
  /**
   * Runs `work` once for those of `keys` that no earlier successful call recorded, in the given order, and records exactly
   * these if `work` resolves. If `work` rejects nothing is recorded, the rejection is passed on, and the keys are fresh
   * again. Without a fresh key `work` is not called. A key given twice in one call counts once. If a conflict undoes a run the
   * store may begin anew, with other fresh keys or none: only the result says what counts.
   *
   * Of concurrent callers with one key, exactly one gets it as fresh. The others get it as duplicate only after it is
   * recorded, otherwise as busy; or, when the winner failed, one of them becomes the next winner.
   *
   * `unit` is valid until `work` settles; a queue on the same database joins it, so that keys and jobs are stored together.
   *
   * @throws WahookError `storage_unavailable` if the store does not answer in time, is read-only or full. Whether the keys
   *   were recorded is then unknown; a repetition finds out.
   */
  once(keys: readonly EventKey[], work: (fresh: readonly string[], unit: Unit) => Promise<void>): Promise<DedupResult>;
}

/** An event with its key, as it comes out of a webhook. */
export interface KeyedEvent {
  readonly key: EventKey;
  readonly event: WebhookEvent;
}

/** Where events go in. */
export interface EventStore {
  /**
   * Records the keys of the events and queues those that no earlier call recorded, in the order given, all of it or nothing:
   * what `DedupStore.once` around `MessageQueue.publish` does, as one operation. An event given twice in one call counts once.
   * Concurrent calls are safe and give each key as fresh once; events of one lane keep the order of the calls if each call
   * waits for the one before. A repetition finds duplicates and changes nothing.
   *
   * @throws WahookError `storage_unavailable` (whether they were stored is then unknown; a repetition finds out), or
   *   `unstorable` if one of the events can never be stored: then none of them is
   */
  store(events: readonly KeyedEvent[]): Promise<DedupResult>;
}

export type QuarantineReason =
  | 'not_json'
  | 'not_whatsapp'
  | 'wrong_shape'
  | 'nul_character'
  | 'lone_surrogate'
  | 'too_deep'
  | 'too_many'
  | 'unstorable';

/** A piece of a signed webhook that cannot be handled. */
export interface QuarantinedPiece {
  readonly reason: QuarantineReason;
  /** Where it stood, e.g. `entry[0].changes[0].value.messages[3]`; empty for the whole body. */
  readonly path: string;
  /** The body of a webhook that holds this piece alone, to be decoded again; a whole body as it came. */
  readonly raw: Uint8Array;
}

/** A piece in quarantine, without what it says. */
export interface KeptPiece {
  readonly id: string;
  readonly reason: QuarantineReason;
  readonly path: string;
  /** Length of `raw`. */
  readonly bytes: number;
  readonly keptAtMs: number;
}

export interface QuarantinePage {
  readonly limit: number;
  readonly reason?: QuarantineReason;
  /** Only pieces kept before the one with this id, which need not be there any more. */
  readonly before?: string;
}

/** Keeps what could not be handled, for a person to look at and to replay. All throw WahookError `storage_unavailable`. */
export interface Quarantine {
  /**
   * Stores the pieces. The same reason, path and bytes again are a no-op while the first are there. Ids grow in the order of
   * the pieces, and from call to call if each waits for the one before.
   */
  keep(pieces: readonly QuarantinedPiece[]): Promise<void>;

  /** Newest first. */
  list(page: QuarantinePage): Promise<readonly KeptPiece[]>;

  /** The piece with its bytes; undefined for an id that is not there, or is none. */
  find(id: string): Promise<(KeptPiece & { readonly raw: Uint8Array }) | undefined>;

  /**
   * Removes pieces, and resolves to the ids that were there: of callers with the same id exactly one is told it. With the
   * `unit` of a `DedupStore` beside it (the same database, or both in memory) they are gone if the unit commits and stay if
   * it does not; another caller with such an id waits for that, or is told that it is not there. A unit of another store
   * cannot be joined: then they are gone at once.
   */
  remove(ids: readonly string[], unit?: Unit): Promise<readonly string[]>;
}
