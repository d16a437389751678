import { connect } from 'node:net';

const ANSWER_MS = 2_000;

/** Sends one command to a Redis on 127.0.0.1; resolves to its answer as it came, or to undefined if there is none in time. */
export function redisCommand(port: number, ...words: readonly string[]): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const bytes = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
  const socket = connect(port, '127.0.0.1', () => socket.write(`*${words.length}\r\n${bytes}`));
  let answer = '';
  socket.setTimeout(ANSWER_MS, () => socket.destroy());
  socket.setEncoding('utf8').on('data', (data) => {
    answer += data;
    if (isWhole(answer)) socket.destroy();
  });
  socket.on('error', () => {}).on('close', () => resolve(isWhole(answer) ? answer : undefined));
  return promise;
}

/** One line, or a string of the length that the first line says. */
function isWhole(answer: string): boolean {
  if (!answer.startsWith('$')) return answer.endsWith('\r\n');
  const lineEnd = answer.indexOf('\r\n');
  return lineEnd > 0 && answer.length >= lineEnd + 2 + Number(answer.slice(1, lineEnd)) + 2;
}
