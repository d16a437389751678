import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Idle } from './idle.ts';
import type { Case, Measured, Settings } from './section.ts';

export const DRAIN = 'drain: one worker, a bot that does nothing';
export const TO_HANDLER = 'an idle system: from publishing a message to its handler';

/** As much as the goals need; bench/drain.ts by itself measures more. */
const EXTENT = ['--only', 'messages,unordered,idle', '--backlogs', '10000,100000,1000000', '--conversations', '1000'];

/** What bench/drain.ts prints with `--json`. */
interface Drained {
  readonly cases: readonly {
    readonly one: { readonly kind: 'messages' | 'unordered'; readonly jobs: number; readonly conversations: number };
    readonly drained: readonly {
      readonly perSecond: number;
      readonly workerMicros: number;
      readonly postgresMicros: number;
    }[];
  }[];
  readonly idle: Idle;
}

/** bench/drain.ts is a program of its own, with more options. */
export const DRAIN_CASES: readonly Case[] = [{ id: 'drain-rates', section: 'drain', run: measureDrain }];

async function measureDrain({ seconds }: Settings): Promise<readonly Measured[]> {
  const args = [...EXTENT, '--rounds', '1', '--seconds', String(seconds), '--json'];
  const program = join(import.meta.dirname, 'drain.ts');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`bench/drain.ts ended with ${code}`);
  const { cases, idle } = JSON.parse(output) as Drained;
  const drains = cases.flatMap(({ one: { kind, jobs, conversations }, drained }) =>
    drained.map(({ perSecond, workerMicros, postgresMicros }) => ({
      table: DRAIN,
      row: `${jobs.toLocaleString('en')} waiting, ${kind === 'messages' ? `${conversations.toLocaleString('en')} conversations in order` : 'without order'}`,
      figures: {
        'jobs/s': perSecond,
        'process µs': workerMicros,
        'store µs': postgresMicros,
        'together µs': workerMicros + postgresMicros,
      },
    })),
  );
  const { p50Ms, p99Ms, transactionsPerSecond } = idle;
  const figures = { 'p50 ms': p50Ms, 'p99 ms': p99Ms, 'transactions/s of an idle worker': transactionsPerSecond };
  return [...drains, { table: TO_HANDLER, row: 'a message', figures }];
}
