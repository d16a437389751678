import { setTimeout as pause } from 'node:timers/promises';
import { spreadOf } from './figures.ts';
import type { Load, LoadResult } from './load.ts';
import { LoadConnection } from './load-connection.ts';
import { Requests } from './load-requests.ts';

/** More than are ever under way unless the service has stopped answering. */
const MOST_CONNECTIONS = 2_000;

/** What is not answered so long after the last request was due counts as not answered. */
const PATIENCE_MS = 15_000;

/** Up to this rate the generator turns its loop for the last 2 ms before a request is due: a timer is up to 1 ms late. */
const PUNCTUAL_PER_SECOND = 100;

/** Times of one request, in milliseconds of this process. `end` is NaN until it was answered as it should be. */
interface Sample {
  readonly due: number;
  sent: number;
  end: number;
}

class Run {
  readonly #urls: readonly URL[];
  readonly #expected: number;
  readonly #idle: LoadConnection[] = [];
  readonly #all = new Set<LoadConnection>();
  /** Requests for which there was no connection. */
  readonly #queue: { readonly request: Buffer; readonly sample: Sample; readonly then: () => void }[] = [];
  readonly samples: Sample[] = [];
  #unanswered = 0;

  constructor({ urls, content = {} }: Load) {
    this.#urls = urls.map((url) => new URL(url));
    this.#expected = content.signed === false ? 401 : 200;
  }

  /** Sends on a connection that is free, else on a new one. */
  send(request: Buffer, due: number, then: () => void = () => {}): void {
    const sample: Sample = { due, sent: Number.NaN, end: Number.NaN };
    this.samples.push(sample);
    this.#unanswered += 1;
    const connection = this.#free();
    if (connection === undefined) this.#queue.push({ request, sample, then });
    else this.#start(connection, request, sample, then);
  }

  /** Resolves when all are answered, or nobody waits any more. */
  async finished(): Promise<void> {
    const giveUp = performance.now() + PATIENCE_MS;
    while (this.#unanswered > 0 && performance.now() < giveUp) await pause(20);
    for (const connection of this.#all) connection.close();
  }

  #free(): LoadConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isOpen) return connection;
      this.#all.delete(connection);
    }
    if (this.#all.size >= MOST_CONNECTIONS) return undefined;
    const made = new LoadConnection(this.#urls[this.#all.size % this.#urls.length] as URL);
    this.#all.add(made);
    return made;
  }

  #start(connection: LoadConnection, request: Buffer, sample: Sample, then: () => void): void {
    sample.sent = performance.now();
    connection.send(request, (status) => {
      if (status === this.#expected) sample.end = performance.now();
      this.#unanswered -= 1;
      if (connection.isOpen) this.#idle.push(connection);
      else this.#all.delete(connection);
      const waiting = this.#queue.shift();
      const next = waiting && this.#free();
      if (waiting !== undefined && next !== undefined) this.#start(next, waiting.request, waiting.sample, waiting.then);
      then();
    });
  }
}

async function run(load: Load): Promise<LoadResult> {
  const requests = new Requests(load);
  const running = new Run(load);
  const startedMs = performance.now();
  if (load.kind === 'open') await open(load, requests, running);
  else await closed(load, requests, running);
  await running.finished();
  return resultOf(running.samples, startedMs, load);
}

async function open(load: Extract<Load, { kind: 'open' }>, requests: Requests, running: Run): Promise<void> {
  const aheadMs = load.perSecond <= PUNCTUAL_PER_SECOND ? 2 : 0;
  const count = Math.round(load.perSecond * load.seconds);
  let due = performance.now();
  for (let index = 0; index < count; index += 1) {
    due += (-Math.log(1 - Math.random()) * 1_000) / load.perSecond;
    while (performance.now() < due) {
      if (due - performance.now() > aheadMs) await pause(1);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    running.send(requests.next(), due);
  }
}

async function closed(load: Extract<Load, { kind: 'closed' }>, requests: Requests, running: Run): Promise<void> {
  const endMs = performance.now() + load.seconds * 1_000;
  const next = (): void => {
    const now = performance.now();
    if (now < endMs) running.send(requests.next(), now, next);
  };
  for (let connection = 0; connection < load.connections; connection += 1) next();
  await pause(load.seconds * 1_000);
}

function resultOf(samples: readonly Sample[], startedMs: number, load: Load): LoadResult {
  const answered = samples.filter(({ end }) => !Number.isNaN(end));
  const times = answered.map(({ due, end }) => end - due);
  const lastMs = answered.reduce((latest, { end }) => Math.max(latest, end), startedMs + load.seconds * 1_000);
  const failed = samples.length - answered.length;
  const above = (limitMs: number) => (times.filter((ms) => ms > limitMs).length + failed) / samples.length;
  return {
    requests: samples.length,
    perSecond: (answered.length * 1_000) / (lastMs - startedMs),
    ackMs: spreadOf(times),
    above250: above(250),
    above1000: above(1_000),
    failed,
    lateMs: spreadOf(samples.flatMap(({ due, sent }) => (Number.isNaN(sent) ? [] : [sent - due]))),
  };
}

process.on('message', (load: Load) => {
  void run(load).then((result) => process.send?.(result));
});
