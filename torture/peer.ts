import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Receiver } from './scenario.ts';

const PEERS = join(import.meta.dirname, '../bench/peers');

/**
 * Another receiver, under the same load and faults: `bench/peers/<name>/server.ts`, which reads HOST, PORT, ROLE (if it splits
 * the work), DATABASE_URL, REDIS_URL and the WHATSAPP_ variables, and is ready when `GET /ready` says 200.
 *
 * @throws Error if there is none of this name
 */
export function peerNamed(name: string): Receiver {
  const server = join(PEERS, name, 'server.ts');
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(server)) throw new Error(`There is no peer ${name} in ${PEERS}`);
  return { name, command: [process.execPath, server], isWahook: false };
}
