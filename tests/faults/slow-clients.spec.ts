import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { eventually } from '../support/eventually.ts';
import { barMs, report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { LoadProcess } from './load.ts';
import { percentile } from './steady-sender.ts';

const TRICKLING = rounds(400, 2_000);
const IDLE = rounds(200, 1_000);
/** So many connect at once, so that the queue of the system does not overflow. */
const AT_ONCE = 100;
const LEGITIMATE_LIMIT_MS = barMs(250);
const { headersMs, checkEveryMs } = TIME_LIMITS.http;
/** For the way of the news to this process, which has thousands of sockets to look after. */
const NEWS_MS = barMs(1_000);

/** A connection of somebody who means no good, and how long the service put up with it. */
class Attacker {
  readonly #socket: Socket;
  readonly #startedMs: number;
  livedMs: number | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#startedMs = performance.now();
    socket.on('error', () => {}).resume();
    socket.on('close', () => {
      this.livedMs = performance.now() - this.#startedMs;
    });
  }

  static open(port: number): Promise<Attacker> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject).once('connect', () => resolve(new Attacker(socket.off('error', reject))));
    });
  }

  write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

describe('A service that thousands of slow clients attack', function () {
  this.timeout(60_000);

  let database: TestDatabase;
  let service: ServiceProcess;
  let url: string;
  let load: LoadProcess;
  let attackers: Attacker[];
  before(startPostgres);
  beforeEach(async () => {
    database = await testDatabase();
    ({ service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL: database.url, ROLE: 'web' }));
    load = new LoadProcess();
    attackers = [];
  });
  afterEach(async () => {
    load.stop();
    for (const attacker of attackers) attacker.destroy();
    service.signal('SIGKILL');
    await service.exit();
    await database.drop();
  });

  it('answers the others as ever, and gets rid of the attackers', async () => {
    const port = Number(new URL(url).port);
    while (attackers.length < TRICKLING + IDLE)
      attackers.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => Attacker.open(port)))));
    const trickling = attackers.slice(0, TRICKLING);
    for (const attacker of trickling) attacker.write('POST /webhook/whatsapp HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    // A tenth of them every 100 ms: each says one letter a second.
    let turn = 0;
    const trickle = setInterval(() => {
      turn += 1;
      for (let index = turn % 10; index < trickling.length; index += 10) trickling[index]?.write('a');
    }, 100);
    try {
      const others = await load.run({ url, perSecond: 100, seconds: 8, messagesPerWebhook: 1 });
      await eventually(() => attackers.every(({ livedMs }) => livedMs !== undefined), headersMs + 5_000);
      const lived = attackers.map(({ livedMs }) => livedMs ?? Number.POSITIVE_INFINITY);
      const [p99Ms, longestMs] = [percentile(others.acceptedMs, 0.99), Math.max(...lived)];
      report('p99 of the others', `${p99Ms.toFixed(0)} ms (of which sent late ${others.lateMs.toFixed(0)} ms)`);
      report('an attacker lives', `${Math.min(...lived).toFixed(0)} to ${longestMs.toFixed(0)} ms`);
      expect([others.refusedMs.length, others.other], 'not accepted').to.deep.equal([0, 0]);
      expect(p99Ms - others.lateMs).to.be.lessThan(LEGITIMATE_LIMIT_MS);
      expect(longestMs).to.be.lessThan(headersMs + checkEveryMs + NEWS_MS);
      expect(service.hasEnded).to.equal(false);
    } finally {
      clearInterval(trickle);
    }
  });
});
