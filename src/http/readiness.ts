/** What `/ready` shows. Words only: the page may be public. */
export interface Readiness {
  readonly ready: boolean;
  readonly role?: string;
  readonly store?: string;
  /** Whether a 200 to Meta survives the end of the process. */
  readonly durable?: boolean;
  /** One word per thing looked at, e.g. `{ storage: 'ok', schema: 'too_new' }`. */
  readonly checks: Readonly<Record<string, string>>;
}

/** Looks at the store and whatever else readiness depends on. */
export type ReadinessProbe = () => Promise<Readiness>;

export interface ReadinessLimits {
  /** How long an answer is good for: however often `/ready` is asked, the store is asked once in this time. */
  readonly cacheMs: number;
  /** A probe that takes longer counts as failed and is left to itself. */
  readonly limitMs: number;
}

/** Asks a probe rarely and always answers in time; concurrent callers share one probe. */
export class CachedReadiness {
  readonly #probe: ReadinessProbe;
  readonly #limits: ReadinessLimits;
  #running: Promise<Readiness> | undefined;
  #latest: Readiness | undefined;
  #latestAtMs = 0;

  constructor(probe: ReadinessProbe, limits: ReadinessLimits) {
    this.#probe = probe;
    this.#limits = limits;
  }

  /** Never rejects: a probe that fails or hangs is an answer, too. */
  async current(): Promise<Readiness> {
    if (this.#latest !== undefined && performance.now() - this.#latestAtMs < this.#limits.cacheMs) return this.#latest;
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    return await this.#running;
  }

  async #ask(): Promise<Readiness> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Readiness>((resolve) => {
      timer = setTimeout(() => resolve(unready('timeout')), this.#limits.limitMs);
    });
    const answer = await Promise.race([this.#look(), late]);
    clearTimeout(timer);
    this.#latest = answer;
    this.#latestAtMs = performance.now();
    return answer;
  }

  async #look(): Promise<Readiness> {
    try {
      return await this.#probe();
    } catch {
      return unready('failed');
    }
  }
}

function unready(probe: string): Readiness {
  return { ready: false, checks: { probe } };
}
