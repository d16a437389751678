import { connect } from 'node:net';

const ANSWER_MS = 2_000;

/** Sends one command to a Redis on 127.0.0.1; resolves when it is answered, or when it is clear that it will not be. */
export function redisCommand(port: number, ...words: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const bytes = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
  const socket = connect(port, '127.0.0.1', () => socket.write(`*${words.length}\r\n${bytes}`));
  socket.setTimeout(ANSWER_MS, () => socket.destroy());
  socket.once('data', () => socket.destroy());
  socket.on('error', () => {}).on('close', () => resolve());
  return promise;
}
