import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { ConfigProblem } from './config-problem.ts';

/** The bot of the folder in which the service is started. */
export const OWN_BOT = 'bot/index.ts';

/** For whoever has none yet. */
export const SAMPLE_BOT: string = join(import.meta.dirname, '../examples/shop/index.ts');

/** The environment with a BOT in any case: the one that it names, else that of this folder, else the sample. */
export function withBot(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return { ...env, BOT: env['BOT'] || (existsSync(OWN_BOT) ? OWN_BOT : SAMPLE_BOT) };
}

/** Nobody should find out by what customers are told. */
export function warningsAboutBot({ bot, role, remoteHandler }: Config): readonly ConfigProblem[] {
  if (bot !== SAMPLE_BOT || role === 'web' || remoteHandler !== undefined) return [];
  return [
    {
      variable: 'BOT',
      severity: 'warning',
      what: `is not set, and there is no ${OWN_BOT}`,
      why: 'Whoever writes is answered by the shop of examples/shop, which knows nothing of yours.',
      fix: 'Make a bot of your own; to begin with: cp -r examples/shop bot\nOr name one that is elsewhere with BOT.',
    },
  ];
}
