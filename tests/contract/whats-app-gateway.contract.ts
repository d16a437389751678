import { expect } from 'chai';
import type { OutboundMessage, Recipient } from '../../src/core/model.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import type { SendFailure, WhatsAppGateway } from '../../src/core/ports/sending.ts';
import { SAMPLES } from '../support/outbound-samples.ts';

export interface OpenGateway {
  readonly gateway: WhatsAppGateway;
  /** How the next send ends; calls add up, and without one a send ends `sent`. */
  answerNext(kind: 'sent' | SendFailure['kind']): void;
  /** The send ids of the messages that were taken, oldest first. */
  received(): readonly string[];
  close(): Promise<void>;
}

const CANARY_TEXT = 'the-words-of-the-customer';
const CANARY_NUMBER = '15550100007';

let sends = 0;

function message(content: OutboundContent = { type: 'text', text: CANARY_TEXT }, to?: Recipient): OutboundMessage {
  sends += 1;
  return { sendId: `send-${sends}`, phoneNumberId: '106540352242922', to: to ?? { waId: CANARY_NUMBER }, content };
}

/** What every WhatsAppGateway promises. `open` gives a fresh one for each test. */
export function whatsAppGatewayContract(open: () => Promise<OpenGateway>): void {
  let opened: OpenGateway;

  beforeEach(async () => {
    opened = await open();
  });

  afterEach(() => opened.close());

  async function send(what: OutboundMessage, signal?: AbortSignal): Promise<string> {
    const result = await opened.gateway.send(what, signal);
    expect(result.kind).to.equal('sent');
    return result.kind === 'sent' ? result.messageId : '';
  }

  it('hands a message over and gives it a message id', async () => {
    const sent = message();
    expect(await send(sent)).to.match(/^wamid\../);
    expect(opened.received()).to.deep.equal([sent.sendId]);
  });

  it('sends a message as often as it is asked to, each time with another message id', async () => {
    const repeated = message();
    const ids = [await send(repeated), await send(repeated), await send(repeated)];
    expect(new Set(ids).size).to.equal(3);
    expect(opened.received()).to.have.length(3);
  });

  const contents = Object.values<readonly OutboundContent[]>(SAMPLES).flatMap((samples) => samples.slice(-1));
  for (const content of contents)
    it(`takes content of type ${content.type}`, async () => {
      const sent = message(content);
      await send(sent);
      expect(opened.received()).to.deep.equal([sent.sendId]);
    });

  const recipients: readonly Recipient[] = [
    { waId: '15550100001' },
    { userId: 'US.13491208655' },
    { groupId: 'Y2FwaV8x' },
  ];
  for (const to of recipients)
    it(`takes a recipient by ${Object.keys(to)}`, async () => {
      await send(message({ type: 'text', text: CANARY_TEXT }, to));
      expect(opened.received()).to.have.length(1);
    });

  const kinds: readonly SendFailure['kind'][] = ['retry', 'ambiguous', 'window_closed', 'rejected', 'unauthorized'];
  for (const kind of kinds)
    it(`ends as ${kind} instead of rejecting, with a reason that has no content`, async () => {
      opened.answerNext(kind);
      const failed = message();
      const result = await opened.gateway.send(failed);
      expect(result.kind).to.equal(kind);
      const shown = JSON.stringify(result);
      for (const secret of [CANARY_TEXT, CANARY_NUMBER, failed.sendId]) expect(shown).not.to.include(secret);
      expect((result as SendFailure).reason).to.match(/\w+ \w+/);
    });

  it('does not hand over what it reports as refused, and goes on with the next message', async () => {
    opened.answerNext('rejected');
    expect((await opened.gateway.send(message())).kind).to.equal('rejected');
    const next = message();
    await send(next);
    expect(opened.received()).to.deep.equal([next.sendId]);
  });

  it('sends concurrently, each message once and with a message id of its own', async () => {
    const many = Array.from({ length: 20 }, () => message());
    const ids = await Promise.all(many.map((one) => send(one)));
    expect(new Set(ids).size).to.equal(many.length);
    expect([...opened.received()].sort()).to.deep.equal(many.map(({ sendId }) => sendId).sort());
  });

  it('gives each of concurrent sends its own result', async () => {
    for (const kind of kinds) opened.answerNext(kind);
    const results = await Promise.all(kinds.map(() => opened.gateway.send(message())));
    expect(results.map(({ kind }) => kind).sort()).to.deep.equal([...kinds].sort());
  });

  it('sends nothing once its signal is aborted, and says that it may be tried again', async () => {
    const result = await opened.gateway.send(message(), AbortSignal.abort());
    expect(result.kind).to.equal('retry');
    expect(opened.received()).to.deep.equal([]);
  });

  it('sends with a signal that is not aborted', async () => {
    await send(message(), new AbortController().signal);
    expect(opened.received()).to.have.length(1);
  });

  describe('a read receipt', () => {
    const receipt = { phoneNumberId: '106540352242922', messageId: 'wamid.IN1', typing: true };

    it('is taken, as often as it is given', async () => {
      for (const typing of [true, true, false])
        expect(await opened.gateway.markRead({ ...receipt, typing })).to.deep.equal({ kind: 'marked' });
    });

    for (const kind of ['rejected', 'unauthorized'] as const)
      it(`ends as ${kind} instead of rejecting`, async () => {
        opened.answerNext(kind);
        const result = await opened.gateway.markRead(receipt);
        expect(result.kind).to.equal(kind);
        expect(JSON.stringify(result)).not.to.include(receipt.messageId);
      });

    it('is not given once its signal is aborted', async () => {
      expect((await opened.gateway.markRead(receipt, AbortSignal.abort())).kind).to.equal('retry');
    });
  });
}
