import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves as soon as `condition` holds; rejects if that takes longer than `withinMs`. */
export async function eventually(condition: () => boolean | Promise<boolean>, withinMs = 8_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${withinMs} ms: ${condition}`);
    await sleep(5);
  }
}
