import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Case, Measured, Settings } from './section.ts';

const DRAIN = 'drain: one worker, a bot that does nothing';

/** What bench/drain.ts prints with `--json`. */
interface Drained {
  readonly cases: readonly {
    readonly one: { readonly kind: string; readonly jobs: number; readonly conversations: number };
    readonly drained: readonly {
      readonly perSecond: number;
      readonly workerMicros: number;
      readonly postgresMicros: number;
    }[];
  }[];
}

/** bench/drain.ts is a program of its own, with more options; here it runs in its small form. */
export const DRAIN_CASES: readonly Case[] = [{ id: 'drain-rates', section: 'drain', run: measureDrain }];

async function measureDrain({ seconds }: Settings): Promise<readonly Measured[]> {
  const args = ['--small', '--rounds', '1', '--seconds', String(seconds), '--json'];
  const program = join(import.meta.dirname, 'drain.ts');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`bench/drain.ts ended with ${code}`);
  const { cases } = JSON.parse(output) as Drained;
  return cases.flatMap(({ one: { kind, jobs, conversations }, drained }) =>
    drained.map(({ perSecond, workerMicros, postgresMicros }) => ({
      table: DRAIN,
      row: `${kind}, ${jobs.toLocaleString('en')} waiting, ${conversations.toLocaleString('en')} conversations`,
      figures: { 'jobs/s': perSecond, 'process µs': workerMicros, 'store µs': postgresMicros },
    })),
  );
}
