import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { decodeWebhook } from '../../src/adapters/meta/decode-webhook.ts';
import { HmacSignatureVerifier } from '../../src/adapters/meta/hmac-signature-verifier.ts';
import { Random } from '../../torture/random.ts';
import { Sender } from '../../torture/sender.ts';
import { messageElement, SETTINGS, statusElement } from '../../torture/webhook.ts';
import { eventually } from '../support/eventually.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const ok: Answer = (_request, response) => void response.end();

/** What plays the receiver here: it notes the keys of what it gets, and answers as told, at last with 200. */
class ReceiverDouble {
  readonly webhooks: string[][] = [];
  readonly signatures: boolean[] = [];
  readonly answers: Answer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<ReceiverDouble> {
    const server = createServer();
    const double = new ReceiverDouble(server);
    const verifier = new HmacSignatureVerifier([SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
    server.on('request', async (request, response) => {
      const body = Buffer.from(await text(request));
      double.signatures.push(verifier.verify(body, request.headers['x-hub-signature-256'] as string));
      double.webhooks.push(decodeWebhook(body).map((one) => (one.kind === 'event' ? one.key.id : 'quarantined')));
      (double.answers.shift() ?? ok)(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get keys(): readonly string[] {
    return this.webhooks.flat();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('The sender of the torture', () => {
  let receivers: ReceiverDouble[];
  let sender: Sender;
  const acks = new Map<number, number>();
  beforeEach(async () => {
    acks.clear();
    receivers = [await ReceiverDouble.open(), await ReceiverDouble.open()];
    sender = new Sender({
      targets: receivers.map(({ url }) => url),
      random: new Random(1),
      answerMs: 200,
      latestMs: 50,
    });
  });
  afterEach(async () => {
    sender.stop();
    await Promise.all(receivers.map((receiver) => receiver.close()));
  });

  const message = (n: number) =>
    messageElement('15550100001', `wamid.${n}`, 'hi', () => void acks.set(n, (acks.get(n) ?? 0) + 1));
  const deliveries = () => receivers.flatMap(({ keys }) => keys);
  const answerFirst = (...answers: readonly Answer[]) => {
    for (const { answers: script } of receivers) script.push(...answers);
  };

  it('repeats after anything but a 200, until there is one', async () => {
    const refuse =
      (status: number): Answer =>
      (_, response) =>
        void response.writeHead(status).end();
    answerFirst(refuse(503), refuse(401), refuse(202), refuse(302));
    sender.add(message(1));
    await eventually(() => acks.has(1));
    expect(sender.figures.answers).to.include({ 200: 1 });
    expect(sender.figures.repetitions).to.be.greaterThanOrEqual(4);
  });

  it('repeats when there is no answer, a late one or half of one', async () => {
    answerFirst(
      (_, response) => void response.socket?.resetAndDestroy(),
      () => {},
      (_, response) => void response.writeHead(200, { 'content-length': '10' }).write('12', () => response.destroy()),
    );
    sender.add(message(1));
    await eventually(() => acks.has(1));
    expect(sender.figures.answers).to.have.keys('200', 'broken', 'late');
  });

  it('waits longer after each failure', async () => {
    const times: number[] = [];
    const refuse: Answer = (_, response) => {
      times.push(performance.now());
      response.writeHead(503).end();
    };
    answerFirst(...Array.from({ length: 5 }, () => refuse));
    sender.add(message(1));
    await eventually(() => times.length >= 5);
    expect((times[4] ?? 0) - (times[3] ?? 0)).to.be.greaterThan((times[1] ?? 0) - (times[0] ?? 0));
  });

  it('tells nobody about an ack as long as there is none', async () => {
    const refuse: Answer = (_, response) => void response.writeHead(503).end();
    answerFirst(...Array.from({ length: 20 }, () => refuse));
    sender.add(message(1));
    await eventually(() => sender.figures.repetitions > 2);
    expect(acks.size).to.equal(0);
    expect(sender.outstanding).to.be.greaterThan(0);
  });

  it('signs the bytes, and groups messages and statuses so that all of them are read', async () => {
    const elements = Array.from({ length: 40 }, (_, n) => message(n));
    const statuses = Array.from({ length: 40 }, (_, n) =>
      statusElement('15550100001', `wamid.R${n}`, 'sent', `id-${n}`),
    );
    sender.addBatch([...elements, ...statuses]);
    await eventually(() => acks.size === 40);
    expect(new Set(deliveries()).size).to.equal(80);
    expect(receivers.flatMap(({ signatures }) => signatures)).to.not.include(false);
  });

  it('delivers some twice: at once to all, and later in another company', async () => {
    for (let n = 0; n < 400; n += 1) sender.add(message(n));
    await eventually(() => acks.size === 400 && sender.outstanding === 0);
    const times = Map.groupBy(deliveries(), (key) => key);
    const repeated = [...times.values()].filter(({ length }) => length > 1).length;
    expect(repeated, 'repeated').to.be.within(10, 390);
    const [one, other] = receivers.map(({ webhooks }) => new Set(webhooks.map((keys) => keys.join())));
    expect(
      [...(one ?? [])].some((webhook) => other?.has(webhook)),
      'the same to both',
    ).to.equal(true);
    const companies = new Map<string, Set<string>>();
    for (const webhook of receivers.flatMap(({ webhooks }) => webhooks))
      for (const key of webhook) companies.set(key, (companies.get(key) ?? new Set()).add([...webhook].sort().join()));
    expect(
      [...companies.values()].some(({ size }) => size > 1),
      'grouped anew',
    ).to.equal(true);
  });

  it('makes batches of one and of many', async () => {
    for (let n = 0; n < 2_000; n += 1) sender.add(message(n));
    await eventually(() => acks.size === 2_000);
    const sizes = receivers.flatMap(({ webhooks }) => webhooks.map(({ length }) => length));
    expect(Math.min(...sizes)).to.equal(1);
    expect(Math.max(...sizes))
      .to.be.greaterThan(20)
      .and.at.most(1_020);
  });
});
