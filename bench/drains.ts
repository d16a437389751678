import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case, Measured, Settings } from './section.ts';

/** bench/drain.ts is a program of its own, with options of its own; here with its defaults and one round. */
export const DRAIN_CASES: readonly Case[] = [{ id: 'drain-rates', section: 'drain', run: measureDrain }];

async function measureDrain({ seconds }: Settings): Promise<readonly Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'wahook-bench-'));
  const file = join(folder, 'drain.json');
  const program = join(import.meta.dirname, 'drain.ts');
  try {
    const args = [program, '--rounds', '1', '--seconds', String(seconds), '--json', file];
    const [code] = await once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
    if (code !== 0) throw new Error(`bench/drain.ts ended with ${code}`);
    return JSON.parse(await readFile(file, 'utf8')) as readonly Measured[];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
