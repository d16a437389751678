import { connect } from 'node:net';
import { Admission, type AdmissionLimits } from '../../src/http/admission.ts';
import { type AppOptions, createApp } from '../../src/http/app.ts';
import { type HttpServer, type HttpTimeLimits, listen } from '../../src/http/http-server.ts';
import { messageClassesOf } from '../../src/http/message-classes.ts';
import { CachedReadiness, type ReadinessProbe } from '../../src/http/readiness.ts';
import type { WebhookReceiver } from '../../src/http/webhook-delivery.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { RecordingLog, RecordingMetrics } from '../support/recording.ts';

export const VERIFY_TOKEN = 'a-word-of-ours';
export const GOOD_SIGNATURE = `sha256=${'ab'.repeat(32)}`;

type Receipt = Awaited<ReturnType<WebhookReceiver['run']>>;

/** The use case as the routes see it: takes exactly one signature for good, and answers what it is told to. */
class FakeReceiver implements WebhookReceiver {
  readonly bodies: Buffer[] = [];
  full = false;
  answer: () => Promise<Receipt> = async () => ({ outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 });

  isFull(): boolean {
    return this.full;
  }

  async run(rawBody: Uint8Array, signature: string | undefined): Promise<Receipt> {
    this.bodies.push(Buffer.from(rawBody));
    return signature === GOOD_SIGNATURE ? await this.answer() : { outcome: 'bad_signature' };
  }
}

export interface OpenApp {
  readonly server: HttpServer;
  readonly url: string;
  readonly admission: Admission;
  readonly receiver: FakeReceiver;
  readonly metrics: RecordingMetrics;
  readonly log: RecordingLog;
}

export interface OpenOptions extends Partial<Pick<AppOptions, 'metricsPage' | 'api'>> {
  readonly limits?: AdmissionLimits;
  readonly probe?: ReadinessProbe;
  readonly withoutWebhook?: boolean;
  readonly verifyToken?: string;
  readonly timeouts?: Partial<HttpTimeLimits>;
}

const opened: HttpServer[] = [];

/** The whole app on a free port, with a fake use case; `closeApps` in an `afterEach`. */
export async function openApp(options: OpenOptions = {}): Promise<OpenApp> {
  const admission = new Admission(options.limits);
  const receiver = new FakeReceiver();
  const metrics = new RecordingMetrics();
  const log = new RecordingLog();
  const app = createApp({
    log,
    admission,
    webhook: options.withoutWebhook
      ? undefined
      : { receiver, metrics, verifyToken: options.verifyToken ?? VERIFY_TOKEN },
    readiness: options.probe && new CachedReadiness(options.probe, TIME_LIMITS.readiness),
    metricsPage: options.metricsPage,
    api: options.api,
  });
  const result = await listen(app, {
    ...{ host: '127.0.0.1', port: 0, admission, log },
    limits: { ...TIME_LIMITS.http, ...options.timeouts },
    messages: messageClassesOf(app),
  });
  if (result.outcome === 'refused') throw new Error(result.refusal.what);
  opened.push(result.server);
  return { server: result.server, url: result.server.url, admission, receiver, metrics, log };
}

export async function closeApps(): Promise<void> {
  await Promise.all(opened.splice(0).map((server) => server.stop(0)));
}

/** A connection on which a test says exactly the bytes it wants to say. */
export interface RawConnection {
  write(data: string | Buffer): void;
  /** What has come so far, once it contains `text`; the test's own timeout ends the wait. */
  until(text: string): Promise<string>;
  /** All that came, once the server has closed the connection. */
  closed(): Promise<string>;
  destroy(): void;
}

export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ host: '127.0.0.1', port });
  let received = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of waiting) check();
  };
  const when = (isDone: () => boolean) =>
    new Promise<string>((resolve) => {
      const check = () => {
        if (!isDone()) return;
        waiting.delete(check);
        resolve(received);
      };
      waiting.add(check);
      check();
    });
  socket.setEncoding('latin1');
  socket.on('data', (data) => {
    received += data;
    wake();
  });
  socket.on('close', () => {
    ended = true;
    wake();
  });
  // A reset is one way of closing.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return {
    write: (data) => void socket.write(data),
    until: (text) => when(() => received.includes(text)),
    closed: () => when(() => ended),
    destroy: () => void socket.destroy(),
  };
}

/** Sends `request` and resolves to all that comes back until the server closes. */
export async function exchange(port: number, request: string | Buffer): Promise<string> {
  const connection = await openConnection(port);
  connection.write(request);
  return await connection.closed();
}

/** The status codes of all responses in `received`, in order. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}
