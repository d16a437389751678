import { createHash } from 'node:crypto';
import { wamid } from './wamid.ts';

/**
 * Every id that the simulator makes up. They follow from the seed alone: each kind has a sequence of its own, so that one
 * more request does not change the wamids after it. No id occurs twice in the life of one instance.
 */
export class Identifiers {
  readonly #seed: string;
  readonly #counters = new Map<string, number>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** `digits`: the customer's number, or what stands for it. 20 hex characters of which the first two are `3A`, as in real ids. */
  inboundWamid(digits: string): string {
    return wamid('inbound', digits, `3A${this.#bytes('inbound').toString('hex').slice(0, 18).toUpperCase()}`);
  }

  /** 18 hex characters, as in real ids. */
  outboundWamid(digits: string): string {
    return wamid('outbound', digits, this.#bytes('outbound').toString('hex').slice(0, 18).toUpperCase());
  }

  /** `fbtrace_id` of an error: `A` and 22 base64url characters. */
  traceId(): string {
    return `A${this.#bytes('trace').toString('base64url').slice(0, 22)}`;
  }

  /** Value of the header `x-fb-trace-id`. */
  headerTraceId(): string {
    return this.#bytes('header').toString('base64url').slice(0, 11);
  }

  /** 20 digits, for the second half of a BSUID. */
  userDigits(): string {
    return digitsOf(this.#bytes('user'), 20);
  }

  mediaId(): string {
    return digitsOf(this.#bytes('media'), 16);
  }

  challenge(): string {
    return digitsOf(this.#bytes('challenge'), 10);
  }

  /** `w_1`, `w_2` … for the simulator's own records. */
  record(prefix: 'w' | 'r' | 'f'): string {
    return `${prefix}_${this.#next(prefix)}`;
  }

  #bytes(kind: string): Buffer {
    return createHash('sha256')
      .update(`${this.#seed}|${kind}|${this.#next(kind)}`)
      .digest();
  }

  #next(kind: string): number {
    const next = (this.#counters.get(kind) ?? 0) + 1;
    this.#counters.set(kind, next);
    return next;
  }
}

/** `count` digits, the first of them not 0. */
function digitsOf(bytes: Buffer, count: number): string {
  return Array.from(bytes.subarray(0, count), (byte, index) => (index === 0 ? 1 + (byte % 9) : byte % 10)).join('');
}
