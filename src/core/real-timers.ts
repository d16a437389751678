import type { Timers } from './ports/observation.ts';

/** Time as it passes. */
export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
