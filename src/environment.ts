import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/**
 * The environment of this process over what the file `.env` of the current directory says; without that file the environment
 * alone. Here and not by Node's option, which talks about a missing file.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return { ...parseFile('.env'), ...env };
}

function parseFile(path: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
}
