import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { RemoteHandler } from '../../../src/adapters/api/remote-handler.ts';
import { standardWebhookHeaders } from '../../../src/adapters/api/standard-webhook.ts';
import { PermanentError } from '../../../src/core/errors.ts';
import type { WebhookEvent } from '../../../src/core/model.ts';
import type { TemplateCheck } from '../../../src/core/template-check.ts';
import { account, interactive, RecordedRun, status, text } from '../../bot/bot-run.ts';
import { rejection } from '../../simulator/rejection.ts';
import { eventually } from '../../support/eventually.ts';
import { manualClock } from '../../support/recording.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OLD_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

type ProblemWith = TemplateCheck['problemWith'];

/** A program in another language, which does what it is told. */
class Program {
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  answer: { status: number; body?: string; headers?: Record<string, string> } = { status: 204 };
  hangs = false;
  url = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Program> {
    const server = createServer();
    const program = new Program(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      program.requests.push({ headers: request.headers, body });
      const { status: code, headers = {}, body: answer = '' } = program.answer;
      if (!program.hangs) response.writeHead(code, headers).end(answer);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    program.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
    return program;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe('RemoteHandler', () => {
  let program: Program;
  const clock = manualClock(Date.UTC(2026, 10, 27, 12));
  beforeEach(async () => {
    program = await Program.start();
  });
  afterEach(() => program.stop());

  const templateFits: ProblemWith = async ({ content }) =>
    content.type === 'template' ? `${content.name} does not fit` : undefined;
  const handle = async (
    event: WebhookEvent,
    run = new RecordedRun(),
    problemWith = templateFits,
  ): Promise<RecordedRun> => {
    const options = { url: program.url, secrets: [SECRET, OLD_SECRET], clock, templates: { problemWith } };
    await new RemoteHandler(options).handle(event, run);
    return run;
  };

  it('signs as the libraries of the specification do: the known answer', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestampMs: 1_614_265_330_999,
      body: '{"test": 2432232314}',
    };
    expect(standardWebhookHeaders([SECRET], message)).to.deep.equal({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('posts the event, with its kind and the version of the shape, signed with each secret', async () => {
    await handle(text('hi'), new RecordedRun(3));
    const [{ headers, body }] = program.requests as [(typeof program.requests)[0]];
    expect(JSON.parse(body)).to.deep.equal({ version: 1, type: 'message.text', event: text('hi') });
    expect(headers).to.include({ 'content-type': 'application/json', 'wahook-attempt': '3' });
    const id = String(headers['webhook-id']);
    const timestamp = String(headers['webhook-timestamp']);
    expect(timestamp).to.equal(String(clock.now() / 1000));
    const signatures = [SECRET, OLD_SECRET].map((secret) => {
      const key = Buffer.from(secret.slice(6), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    });
    expect(headers['webhook-signature']).to.equal(signatures.join(' '));
  });

  it('names each kind as a bot does, and gives a repetition the same id', async () => {
    await handle(interactive({ kind: 'button_reply', id: 'a', title: 'A' }));
    await handle(status('delivered'));
    await handle(account('flows'));
    await handle(status('delivered'), new RecordedRun(2));
    expect(program.requests.map(({ body }) => JSON.parse(body).type)).to.deep.equal([
      ...['message.interactive.button_reply', 'status.delivered', 'account.flows', 'status.delivered'],
    ]);
    const ids = program.requests.map(({ headers }) => headers['webhook-id']);
    expect(ids[3]).to.equal(ids[1]);
    expect(new Set(ids).size).to.equal(3);
  });

  it('sends the replies that stand in the answer, to whom the message is from', async () => {
    const replies = [
      { type: 'text', text: 'Hello', fallback: { template: 'hello', language: 'en_US' } },
      { type: 'buttons', text: 'Well?', buttons: [{ id: 'y', title: 'Yes' }], quote: true },
    ];
    program.answer = { status: 200, body: JSON.stringify(replies) };
    const { sent } = await handle(text('hi'));
    expect(sent.map(({ content }) => content)).to.deep.equal([
      { type: 'text', text: 'Hello' },
      { type: 'buttons', text: 'Well?', buttons: [{ id: 'y', title: 'Yes' }] },
    ]);
    expect(sent.map(({ replyTo }) => replyTo)).to.deep.equal([undefined, 'wamid.in-1']);
    expect(sent.map(({ fallback }) => fallback)).to.deep.equal([{ template: 'hello', language: 'en_US' }, undefined]);
    for (const { to, phoneNumberId } of sent)
      expect({ to, phoneNumberId }).to.deep.equal({ to: { waId: '16505551234' }, phoneNumberId: '106540352242922' });
  });

  const JSON_TYPE = { 'content-type': 'application/json' };

  for (const [body, headers] of [
    ...[[''], ['OK'], ['<p>[fine]</p>'], ['{"ok":true}'], ['{"type":"received"}'], ['[]'], ['null']],
    ...[['', JSON_TYPE] as const, [' \n', JSON_TYPE] as const, ['"OK"', JSON_TYPE] as const],
  ] as readonly (readonly [body: string, headers?: Record<string, string>])[])
    it(`takes ${JSON.stringify(body)} for done, without a reply${headers ? ', as JSON too' : ''}`, async () => {
      program.answer = { status: 200, body, ...(headers && { headers }) };
      expect((await handle(text('hi'))).sent).to.deep.equal([]);
    });

  it('reads replies behind a mark of the byte order, as some programs write it', async () => {
    program.answer = { status: 200, body: '\ufeff[{"type":"text","text":"Hello"}]' };
    expect((await handle(text('hi'))).contents()).to.deep.equal([{ type: 'text', text: 'Hello' }]);
  });

  for (const [what, body, headers] of [
    ['a list with a comma too much', '[{"type":"text","text":"canary"},]', {}],
    ['a list that is cut off', ' [{"type":"text","text":"canary', {}],
    ['an object that is none', "{'type': 'text', 'text': 'canary'}", {}],
    ['a text that is called JSON', 'canary', JSON_TYPE],
    [
      'a text that is called JSON of another kind',
      'canary',
      { 'content-type': 'application/problem+json; charset=utf-8' },
    ],
  ] as const)
    it(`fails by ${what}, which may be replies, and does not show it`, async () => {
      program.answer = { status: 200, body, headers };
      for (const event of [text('hi'), status('delivered')]) {
        const error = await rejection(handle(event));
        expect(error).not.to.be.instanceOf(PermanentError);
        expect(error.message).to.equal(`HANDLER_URL answered with ${body.length} characters that are not valid JSON`);
      }
    });

  it('fails by a reply that is in no list', async () => {
    program.answer = { status: 200, body: '{"type":"text","text":"canary"}' };
    const error = await rejection(handle(text('hi')));
    expect(error).not.to.be.instanceOf(PermanentError);
    expect(error.message).to.contain('a reply that is not in a list').and.not.contain('canary');
  });

  for (const code of [400, 413, 422])
    it(`takes ${code} for the last word about this event`, async () => {
      program.answer = { status: code };
      expect(await rejection(handle(text('hi')))).to.be.instanceOf(PermanentError);
    });

  for (const code of [401, 403, 404, 408, 409, 410, 425, 429, 500, 502, 503])
    it(`takes ${code} for something that may pass`, async () => {
      program.answer = { status: code };
      const error = await rejection(handle(text('hi')));
      expect(error).not.to.be.instanceOf(PermanentError);
      expect(error.message).to.equal(`HANDLER_URL answered with HTTP ${code}`);
    });

  it('does not follow a redirect: nobody else gets the event', async () => {
    program.answer = { status: 307, headers: { location: program.url } };
    expect((await rejection(handle(text('hi')))).message).to.contain('redirects are not followed');
    expect(program.requests).to.have.length(1);
  });

  it('fails by a reply that cannot be read or sent, and sends none of them', async () => {
    const run = new RecordedRun();
    for (const [replies, reason] of [
      [[{ text: 'no type' }], /cannot be read: 0\.type/],
      [
        [
          { type: 'text', text: 'fine' },
          { type: 'text', text: 'x'.repeat(4097) },
        ],
        /Reply 2 .*1 to 4096/,
      ],
      [[{ type: 'buttons', text: 'x', buttons: 'none' }], /Reply 1/],
      [
        [
          { type: 'text', text: 'fine' },
          { type: 'template', name: 'order', language: 'en' },
        ],
        /^Reply 2 of HANDLER_URL: order does not fit$/,
      ],
    ] as const) {
      program.answer = { status: 200, body: JSON.stringify(replies) };
      expect((await rejection(handle(text('hi'), run))).message).to.match(reason);
    }
    expect(run.sent).to.deep.equal([]);
    program.answer = { status: 200, body: JSON.stringify([{ type: 'text', text: 'to whom?' }]) };
    expect(await rejection(handle(status('read')))).to.be.instanceOf(PermanentError);
  });

  it('has all replies checked side by side, and until the run is over', async () => {
    const replies = ['a', 'b', 'c'].map((name) => ({ type: 'template', name, language: 'en' }));
    program.answer = { status: 200, body: JSON.stringify(replies) };
    const run = new RecordedRun();
    const signals: (AbortSignal | undefined)[] = [];
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const handled = handle(text('hi'), run, (_reply, signal) => {
      signals.push(signal);
      if (signals.length === replies.length) resolve(undefined);
      return promise;
    });
    await handled;
    expect(signals).to.deep.equal([run.signal, run.signal, run.signal]);
    expect(run.sent).to.have.length(3);
  });

  it('ends with the time limit of the run, and says nothing of the address when nobody is there', async () => {
    program.hangs = true;
    const run = new RecordedRun();
    const failed = rejection(handle(text('hi'), run));
    await eventually(() => program.requests.length > 0);
    run.abort();
    expect((await failed).message).to.equal('the time limit is over');
    program.stop();
    expect((await rejection(handle(text('hi')))).message).to.equal('HANDLER_URL was not reached (ECONNREFUSED)');
  });
});
