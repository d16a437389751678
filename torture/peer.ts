import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Receiver } from './scenario.ts';

const PEERS = join(import.meta.dirname, '../bench/peers');

/**
 * After the last fault: what is missing when nothing has moved for so long counts as lost. BullMQ looks for the jobs of dead
 * workers every 30 s. pg-boss and Graphile Worker do by default after 15 minutes and 4 hours, for which nobody waits.
 */
export const PEER_PATIENCE_MS = 120_000;

/** In alphabetical order. */
export function peerNames(): readonly string[] {
  return readdirSync(PEERS)
    .filter((name) => existsSync(serverOf(name)))
    .sort();
}

/**
 * Another receiver, under the same load and faults: `bench/peers/<name>/server.ts`, which reads HOST, PORT, ROLE (if it splits
 * the work), DATABASE_URL, REDIS_URL and the WHATSAPP_ variables, and is ready when `GET /ready` says 200.
 *
 * @throws Error if there is none of this name, or if its packages are not installed
 */
export function peerNamed(name: string): Receiver {
  if (!peerNames().includes(name)) throw new Error(`There is no peer ${name}. There are ${peerNames().join(', ')}`);
  if (!existsSync(join(PEERS, 'node_modules'))) throw new Error('The peers are not installed: npm run peers:install');
  return { name, command: [process.execPath, serverOf(name)], isWahook: false };
}

function serverOf(name: string): string {
  return join(PEERS, name, 'server.ts');
}
