import { addressesOf } from '../../core/lanes.ts';
import type { Clock, Timers } from '../../core/ports/observation.ts';
import type { JobError } from '../../core/ports/queue.ts';
import type {
  Route,
  SendingNumber,
  SendingNumbers,
  SendLimit,
  SendPermit,
  SendRate,
} from '../../core/ports/sending.ts';
import { realTimers } from '../../core/real-timers.ts';
import {
  HEADROOM,
  HORIZON_MS,
  LEAST_PACE,
  LOOK_AGAIN_MS,
  longestWaitMs,
  NUMBER_STOPPED,
  ONE_COMPLAINT_MS,
  PAUSE,
  PLACE_LASTS_MS,
  PROBE,
  RECOVERY_MS,
  SET_BACK,
  type SendLimits,
  TOKEN_CODES,
  toleranceMs,
} from '../../core/send-limits.ts';
import type { MemoryMessageQueue } from './memory-message-queue.ts';
import type { MemoryRows } from './memory-rows.ts';

interface Stop {
  readonly error: JobError;
  readonly sinceMs: number;
  readonly credential: string;
  /** Infinite: by hand. */
  probeAtMs: number;
  probes: number;
}

interface NumberState {
  freeAtMs: number;
  slowedTo: number;
  slowedAtMs: number;
  stop?: Stop;
}

interface Pause {
  readonly untilMs: number;
  readonly times: number;
}

/** The limits in this process's memory, gone with it. */
export class MemorySendRate implements SendRate, SendingNumbers {
  readonly #limits: SendLimits;
  readonly #rows: MemoryRows;
  readonly #queue: Pick<MemoryMessageQueue, 'wake'>;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #numbers = new Map<string, NumberState>();
  readonly #pairs = new Map<string, number>();
  readonly #pauses = new Map<string, Pause>();

  /** @param queue the one with these rows; by the same `clock`, as are `timers` */
  constructor(
    limits: SendLimits,
    rows: MemoryRows,
    queue: Pick<MemoryMessageQueue, 'wake'>,
    clock: Clock = Date,
    timers: Timers = realTimers,
  ) {
    this.#limits = limits;
    this.#rows = rows;
    this.#queue = queue;
    this.#clock = clock;
    this.#timers = timers;
  }

  async reserve(route: Route, signal?: AbortSignal): Promise<SendPermit> {
    const { phoneNumberId } = route;
    const refusal = this.#refusal(phoneNumberId);
    if (refusal !== undefined) return refusal;
    const waitMs = this.#bookPair(route);
    if (waitMs > 0) return { kind: 'later', inMs: waitMs, because: 'recipient' };
    for (;;) {
      const atMs = this.#takePlace(phoneNumberId);
      const inMs = atMs - this.#clock.now();
      if (inMs > 0 && !(await this.#passed(inMs, signal))) return { kind: 'later', inMs: 0, because: 'number' };
      if (this.#clock.now() <= atMs + PLACE_LASTS_MS) return { kind: 'go', probe: false };
    }
  }

  async exceeded(route: Route, limit: SendLimit): Promise<void> {
    const nowMs = this.#clock.now();
    if (limit === 'recipient') {
      const { pair } = this.#limits;
      const usedUpMs = nowMs + toleranceMs(pair) + pair.intervalMs;
      for (const address of addressesOf(route))
        this.#pairs.set(address, Math.max(this.#pairs.get(address) ?? 0, usedUpMs));
    } else if (limit === 'number') {
      const number = this.#number(route.phoneNumberId);
      if (number.slowedAtMs > nowMs - ONE_COMPLAINT_MS && number.slowedAtMs <= nowMs) return;
      number.slowedTo = Math.max(LEAST_PACE, this.#paceOf(number) / 2);
      number.slowedAtMs = nowMs;
      number.freeAtMs = Math.max(number.freeAtMs, nowMs + 1_000);
    } else this.#pause(this.#scope(route.phoneNumberId, limit), nowMs);
  }

  received(phoneNumberId: string, messages: number): void {
    const number = this.#number(phoneNumberId);
    const nowMs = this.#clock.now();
    const freeAtMs = Math.max(number.freeAtMs, nowMs) + messages * this.#stepMs(phoneNumberId, 1);
    number.freeAtMs = Math.max(number.freeAtMs, Math.min(freeAtMs, nowMs + 1_000));
  }

  async list(): Promise<readonly SendingNumber[]> {
    return [...this.#numbers]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([phoneNumberId, number]) => ({
        ...{ phoneNumberId, pace: this.#paceOf(number) },
        ...(number.stop && { stopped: stopOf(number.stop) }),
      }));
  }

  async stop(phoneNumberId: string, error: JobError, { byHand = false } = {}): Promise<boolean> {
    const number = this.#number(phoneNumberId);
    const { stop } = number;
    if (stop !== undefined && (!byHand || stop.probeAtMs === Number.POSITIVE_INFINITY)) return false;
    const sinceMs = this.#clock.now();
    const probeAtMs = byHand ? Number.POSITIVE_INFINITY : sinceMs + PROBE.leastMs;
    const { credential } = this.#limits.limitsOf(phoneNumberId);
    number.stop = { error: { ...error }, sinceMs, credential, probeAtMs, probes: 0 };
    return true;
  }

  async resume(phoneNumberId: string): Promise<boolean> {
    const number = this.#number(phoneNumberId);
    if (number.stop === undefined) return false;
    delete number.stop;
    const nowMs = this.#clock.now();
    for (const row of this.#rows.allWaiting('outbound')) {
      if (row.lastError?.code !== NUMBER_STOPPED || !row.lane.startsWith(`${phoneNumberId}|`)) continue;
      row.dueAtMs = Math.min(row.dueAtMs, nowMs);
      this.#queue.wake('outbound', row.lane);
    }
    return true;
  }

  async resumeRenewed(): Promise<readonly string[]> {
    const renewed = [...this.#numbers].filter(
      ([id, { stop }]) =>
        stop !== undefined &&
        TOKEN_CODES.includes(stop.error.code) &&
        stop.credential !== this.#limits.limitsOf(id).credential,
    );
    for (const [id] of renewed) await this.resume(id);
    return renewed.map(([id]) => id);
  }

  /** Why nothing may go from this number now, or that this one finds out. */
  #refusal(phoneNumberId: string): SendPermit | undefined {
    const number = this.#number(phoneNumberId);
    const nowMs = this.#clock.now();
    const { stop } = number;
    if (stop !== undefined) {
      if (stop.probeAtMs > nowMs && !isSetBack(stop.probeAtMs, nowMs, PROBE.mostMs))
        return { kind: 'stopped', inMs: Math.min(LOOK_AGAIN_MS, stop.probeAtMs - nowMs) };
      stop.probes += 1;
      stop.probeAtMs = nowMs + Math.min(PROBE.mostMs, PROBE.leastMs * 2 ** stop.probes);
      return { kind: 'go', probe: true, nextInMs: stop.probeAtMs - nowMs };
    }
    const scopes = [this.#scope(phoneNumberId, 'app'), this.#scope(phoneNumberId, 'account')];
    const pausedForMs = Math.max(...scopes.map((scope) => this.#pausedUntilMs(scope, nowMs) - nowMs));
    if (pausedForMs > 0) return { kind: 'later', inMs: pausedForMs, because: 'account' };
    const freeInMs = this.#freeAtMs(phoneNumberId, nowMs) - nowMs;
    return freeInMs > HORIZON_MS ? { kind: 'later', inMs: Math.ceil(freeInMs), because: 'number' } : undefined;
  }

  /** True when so much time has gone by, false as soon as `signal` is aborted. */
  #passed(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const takeBack = this.#timers.after(ms, () => resolve(true));
    const stop = () => resolve(false);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    return promise.finally(() => {
      takeBack();
      signal?.removeEventListener('abort', stop);
    });
  }

  /** When the next place of a number is. */
  #freeAtMs(phoneNumberId: string, nowMs: number): number {
    const { freeAtMs } = this.#number(phoneNumberId);
    const mostMs = longestWaitMs(this.#limits.limitsOf(phoneNumberId).perSecond);
    return isSetBack(freeAtMs, nowMs, mostMs) ? nowMs : Math.max(freeAtMs, nowMs);
  }

  #takePlace(phoneNumberId: string): number {
    const number = this.#number(phoneNumberId);
    const atMs = this.#freeAtMs(phoneNumberId, this.#clock.now());
    number.freeAtMs = atMs + this.#stepMs(phoneNumberId, this.#paceOf(number));
    return atMs;
  }

  #bookPair(route: Route): number {
    const { pair } = this.#limits;
    if (pair.intervalMs === 0 || route.to.groupId !== undefined) return 0;
    const nowMs = this.#clock.now();
    const freeAtMs = (address: string) => {
      const bookedMs = this.#pairs.get(address) ?? 0;
      const isOver = isSetBack(bookedMs, nowMs, toleranceMs(pair) + pair.intervalMs);
      return isOver ? nowMs + toleranceMs(pair) : Math.max(bookedMs, nowMs);
    };
    const booking = addressesOf(route).map((address) => [address, freeAtMs(address)] as const);
    const waitMs = Math.max(0, ...booking.map(([, freeMs]) => freeMs - nowMs - toleranceMs(pair)));
    if (waitMs > 0) return waitMs;
    for (const [address, freeMs] of booking) this.#pairs.set(address, freeMs + pair.intervalMs);
    return 0;
  }

  #pause(scope: string, nowMs: number): void {
    const { times = 0 } = this.#pauses.get(scope) ?? {};
    const untilMs = this.#pausedUntilMs(scope, nowMs);
    if (untilMs >= nowMs) return;
    const inARow = untilMs < nowMs - PAUSE.forgottenMs ? 0 : times;
    const pauseMs = Math.min(PAUSE.mostMs, PAUSE.leastMs * 2 ** inARow);
    this.#pauses.set(scope, { untilMs: nowMs + pauseMs, times: inARow + 1 });
  }

  #pausedUntilMs(scope: string, nowMs: number): number {
    const { untilMs = 0 } = this.#pauses.get(scope) ?? {};
    return isSetBack(untilMs, nowMs, PAUSE.mostMs) ? 0 : untilMs;
  }

  #number(phoneNumberId: string): NumberState {
    const number = this.#numbers.get(phoneNumberId) ?? { freeAtMs: 0, slowedTo: 1, slowedAtMs: 0 };
    this.#numbers.set(phoneNumberId, number);
    return number;
  }

  #paceOf({ slowedTo, slowedAtMs }: NumberState): number {
    const forMs = this.#clock.now() - slowedAtMs;
    return forMs < 0 ? 1 : Math.min(1, slowedTo + forMs / RECOVERY_MS);
  }

  #stepMs(phoneNumberId: string, pace: number): number {
    return 1_000 / (this.#limits.limitsOf(phoneNumberId).perSecond * HEADROOM * pace);
  }

  #scope(phoneNumberId: string, limit: 'account' | 'app'): string {
    return limit === 'app' ? 'app' : `account ${this.#limits.limitsOf(phoneNumberId).account ?? ''}`;
  }
}

/** True for a moment of before the clock was set back; without end is meant so. */
function isSetBack(momentMs: number, nowMs: number, mostMs: number): boolean {
  return momentMs > nowMs + SET_BACK * mostMs && momentMs !== Number.POSITIVE_INFINITY;
}

function stopOf({ error, sinceMs, probeAtMs }: Stop): NonNullable<SendingNumber['stopped']> {
  return {
    ...{ error: { ...error }, sinceMs },
    ...(probeAtMs !== Number.POSITIVE_INFINITY && { probeAtMs }),
  };
}
