import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_MS = 1_000;

/** A machine that only lives has a few percent to do. */
const IDLE_SHARE = 0.85;

/**
 * Waits until the processors have next to nothing to do, at most so long. On a shared machine others' work is the largest error
 * of all; what begins in a quiet moment mostly ends in one.
 */
export async function untilQuiet(patienceSeconds: number): Promise<void> {
  const endMs = performance.now() + patienceSeconds * 1_000;
  while (performance.now() < endMs) {
    const before = times();
    await pause(LOOK_MS);
    const after = times();
    if ((after.idle - before.idle) / (after.all - before.all) >= IDLE_SHARE) return;
  }
}

function times(): { readonly idle: number; readonly all: number } {
  const all = cpus().map(({ times }) => times);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return { idle: sum(all.map(({ idle }) => idle)), all: sum(all.flatMap((one) => Object.values(one))) };
}
