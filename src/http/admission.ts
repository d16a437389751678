/**
 * How far this process is on its way out.
 *
 * - `open` takes traffic
 * - `leaving` not ready any more, but still serves, so that a load balancer has time to notice
 * - `closed` new webhooks are refused; the running ones are answered
 */
export type Phase = 'open' | 'leaving' | 'closed';

export interface AdmissionLimits {
  /** Webhooks that wait for the store at once. */
  readonly requests: number;
  /** Bytes of all bodies held at once, complete or not. */
  readonly bytes: number;
}

/**
 * For the memory alone: how long a webhook may wait the intake decides, which knows how long a commit takes. 128 MiB are over 40
 * of Meta's largest webhooks (3 MB) and leave room in a container of 512 MB.
 */
const DEFAULT_LIMITS: AdmissionLimits = { requests: 1_000, bytes: 128 * 1024 * 1024 };

/** A webhook with one message has about 1 kB; one that exceeds this is rare, and may wait. */
const SMALL_BODY_BYTES = 64 * 1024;

/** Of the budget, what bodies that are not small may take: some dozen unfinished large ones must not keep the small ones out. */
const LARGE_SHARE = 0.75;

/**
 * Decides whether one more webhook may come in. Counts work, not promises: a slot is taken by a complete body and the budget
 * by bytes that have arrived, so a sender who announces much and sends little keeps nobody out.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  #phase: Phase = 'open';
  #waiting = 0;
  #heldBytes = 0;

  constructor(limits: AdmissionLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Bytes of bodies in memory now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Webhooks that wait for the store now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Stops being ready. Harmless when closed or repeated. */
  leave(): void {
    if (this.#phase === 'open') this.#phase = 'leaving';
  }

  /** Refuses whatever comes from now on; for good. */
  close(): void {
    this.#phase = 'closed';
  }

  /** Whether it is worth reading a body at all. */
  hasRoom(): boolean {
    return this.#phase !== 'closed' && this.#waiting < this.#limits.requests && this.#heldBytes < this.#limits.bytes;
  }

  /** Takes a slot; true means: call `leaveSlot` exactly once. */
  takeSlot(): boolean {
    if (this.#waiting >= this.#limits.requests) return false;
    this.#waiting += 1;
    return true;
  }

  leaveSlot(): void {
    this.#waiting -= 1;
  }

  /**
   * Takes `bytes` more of the budget for a body that has `soFar` of it; true means: `release` them later. The last quarter is
   * for small bodies alone.
   */
  hold(bytes: number, soFar = 0): boolean {
    const share = soFar + bytes > SMALL_BODY_BYTES ? LARGE_SHARE : 1;
    if (this.#heldBytes + bytes > this.#limits.bytes * share) return false;
    this.#heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
