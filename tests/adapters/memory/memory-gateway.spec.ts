import { expect } from 'chai';
import { MemoryGateway } from '../../../src/adapters/memory/memory-gateway.ts';
import type { OutboundMessage } from '../../../src/core/model.ts';

function message(sendId: string) {
  const content: { type: 'text'; text: string } = { type: 'text', text: 'Hello' };
  return { sendId, phoneNumberId: '106540352242922', to: { waId: '15550100001' }, content } satisfies OutboundMessage;
}

describe('MemoryGateway', () => {
  it('keeps copies of what was sent: neither the sender nor a reader can change them', async () => {
    const gateway = new MemoryGateway();
    const sent = message('send-1');
    await gateway.send(sent);
    sent.content.text = 'changed by the sender';
    Object.assign(gateway.sent[0]!, { sendId: 'changed by a reader' });
    expect(gateway.sent).to.deep.equal([message('send-1')]);
  });

  it('fails as often as it was told to, in that order, with exactly these failures', async () => {
    const gateway = new MemoryGateway();
    const first = { kind: 'retry', reason: 'Busy.', code: 2, afterMs: 5_000, limit: 3 } as const;
    const second = { kind: 'ambiguous', reason: 'Lost.' } as const;
    gateway.failNext(first);
    gateway.failNext(second);
    expect(await gateway.send(message('a'))).to.deep.equal(first);
    expect(await gateway.send(message('b'))).to.deep.equal(second);
    expect((await gateway.send(message('c'))).kind).to.equal('sent');
    expect(gateway.sent.map(({ sendId }) => sendId)).to.deep.equal(['c']);
  });

  it('keeps a failure for the next send when one was stopped before it could leave', async () => {
    const gateway = new MemoryGateway();
    gateway.failNext({ kind: 'rejected', reason: 'No.' });
    expect((await gateway.send(message('a'), AbortSignal.abort())).kind).to.equal('retry');
    expect((await gateway.send(message('b'))).kind).to.equal('rejected');
  });
});
