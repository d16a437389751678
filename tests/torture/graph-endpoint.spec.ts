import { expect } from 'chai';
import { GraphEndpoint } from '../../torture/graph-endpoint.ts';
import type { AcceptedReply } from '../../torture/ledger.ts';
import { Random } from '../../torture/random.ts';
import type { Element } from '../../torture/webhook.ts';
import { eventually } from '../support/eventually.ts';

describe('The Graph endpoint of the torture', function () {
  this.timeout(30_000);

  let endpoint: GraphEndpoint;
  let accepted: AcceptedReply[];
  let statuses: Element[];
  beforeEach(async () => {
    accepted = [];
    statuses = [];
    endpoint = await GraphEndpoint.open({
      random: new Random(3),
      onAccepted: (reply) => void accepted.push(reply),
      onStatus: (status) => void statuses.push(status),
    });
  });
  afterEach(() => endpoint.close());

  const send = async (n: number): Promise<'sent' | 'refused' | 'no answer'> => {
    const body = { to: '+15550100001', type: 'text', text: { body: `text ${n}` }, biz_opaque_callback_data: `id-${n}` };
    const request = { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(500) };
    const response = await fetch(`${endpoint.apiUrl}/106540352242922/messages`, request).catch(() => undefined);
    if (response === undefined) return 'no answer';
    await response.arrayBuffer();
    return response.status === 200 ? 'sent' : 'refused';
  };

  it('fails in all its ways, and accepts whatever it answers with 200', async () => {
    const outcomes = new Map<string, string>();
    const sendSome = async (first: number) => {
      for (let n = first; n < 3_000; n += 10) outcomes.set(`id-${n}`, await send(n));
    };
    await Promise.all(Array.from({ length: 10 }, (_, first) => sendSome(first)));
    expect(Object.keys(endpoint.faults)).to.have.length(8);
    const taken = new Set(accepted.map(({ sendId }) => sendId));
    const sent = [...outcomes].filter(([, outcome]) => outcome === 'sent').map(([id]) => id);
    expect(sent.filter((id) => !taken.has(id))).to.deep.equal([]);
    expect(taken.size, 'accepted without an answer that says so').to.be.greaterThan(sent.length);
    expect(taken.size).to.be.lessThan(outcomes.size);
  });

  it('accepts and answers everything once it is calm', async () => {
    endpoint.calm();
    for (let n = 0; n < 500; n += 1) expect(await send(n)).to.equal('sent');
  });

  it('tells about what it accepted, with the send id', async () => {
    endpoint.calm();
    await send(1);
    await eventually(() => statuses.length > 0 && endpoint.outstanding === 0);
    expect(JSON.parse(statuses[0]?.json ?? '')).to.include({
      status: 'sent',
      recipient_id: '15550100001',
      biz_opaque_callback_data: 'id-1',
    });
    expect(accepted).to.deep.equal([{ text: 'text 1', sendId: 'id-1' }]);
  });
});
