import { once } from 'node:events';

/** Of Node's inspector, which a process started with `--inspect=127.0.0.1:PORT` has. */
interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/**
 * Bytes in use by JavaScript in that process, buffers included, after a full collection.
 *
 * @throws Error if nothing listens there
 */
export async function bytesInUse(inspectorPort: number): Promise<number> {
  const targets = await (await fetch(`http://127.0.0.1:${inspectorPort}/json/list`)).json();
  const [{ webSocketDebuggerUrl }] = targets as [{ readonly webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(5_000) });
    await call(socket, 'HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = (await call(socket, 'Runtime.getHeapUsage')) as HeapUsage;
    return usedSize + backingStorageSize;
  } finally {
    socket.close();
  }
}

/** One call at a time. */
async function call(socket: WebSocket, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id: 1, method }));
  const [{ data }] = (await once(socket, 'message')) as [{ readonly data: string }];
  return (JSON.parse(data) as { readonly result: unknown }).result;
}
