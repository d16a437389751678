import { createHash } from 'node:crypto';

/**
 * The ids of what is done for one event: the same in every run, so that a repetition is known for one. Made of the SHA-256 of
 * the event's key, which names people and must not be seen itself.
 */
export class SendIds {
  readonly #digest: Buffer;
  #ordinal = 0;

  constructor(eventKey: string) {
    this.#digest = createHash('sha256').update(eventKey).digest();
  }

  /** 32 hex digits, for systems that know a repetition by such a key. */
  get idempotencyKey(): string {
    return this.#digest.toString('hex', 16, 32);
  }

  /**
   * The id of the next send, in the order of the calls: a UUID of version 8 (RFC 9562) out of 90 bits of the digest and the
   * ordinal in the last 32. Two among a thousand million events share 90 bits with a chance of 1 : 2,000 million.
   *
   * Known answer: of the key `m|1065|wamid.1` the first is `2d1ee602-8a01-813d-9814-53f900000000`.
   */
  next(): string {
    const bytes = Buffer.from(this.#digest.subarray(0, 16));
    bytes.writeUInt32BE(this.#ordinal, 12);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    this.#ordinal += 1;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}
