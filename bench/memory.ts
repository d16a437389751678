import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LoadGenerator } from './processes.ts';
import type { Case, Measured } from './section.ts';
import { onPostgres } from './subjects.ts';

const run = promisify(execFile);

const MEMORY = 'memory of the web process';

/** As in docs/performance.md. The last one takes minutes, so the section runs only if it is asked for. */
const MESSAGES = [10_000, 100_000, 1_000_000];

/** One load; the process is looked at after each. */
const STEP_SECONDS = 5;

export const MEMORY_CASES: readonly Case[] = [{ id: 'memory-of-web', section: 'memory', run: measureMemory }];

async function measureMemory(): Promise<readonly Measured[]> {
  const running = await onPostgres({ receivers: 1 });
  const [receiver] = running.receivers;
  const generator = new LoadGenerator();
  const lines: Measured[] = [];
  let messages = 0;
  try {
    while (receiver !== undefined && messages < Math.max(...MESSAGES)) {
      const load = { kind: 'closed', connections: 64, seconds: STEP_SECONDS, urls: [receiver.url] } as const;
      messages += (await generator.run(load)).requests;
      const next = MESSAGES[lines.length];
      if (next === undefined || messages < next) continue;
      const row = `after ${next.toLocaleString('en')} messages`;
      lines.push({ table: MEMORY, row, figures: { 'RSS, MiB': await rssMib(receiver.pid), messages } });
    }
    return lines;
  } finally {
    generator.stop();
    await running.stop();
  }
}

async function rssMib(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1_024;
}
