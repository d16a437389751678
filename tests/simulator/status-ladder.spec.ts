import { expect } from 'chai';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { post, textTo } from './graph-client.ts';
import { ServiceDouble } from './service-double.ts';

interface Status {
  readonly id: string;
  readonly status: string;
  readonly timestamp: string;
}

describe('Status ladder', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  async function open(options: SimulatorOptions = {}): Promise<void> {
    const statusDelaysMs = { sent: 1, delivered: 30, read: 60 };
    meta = await createSimulator({ webhookUrl: service.url, statusDelaysMs, ...options });
  }

  const statuses = (): readonly Status[] => service.values.flatMap((value) => value['statuses'] as readonly Status[]);

  it('reports sent, delivered and read with the callback data, and prices the first two', async () => {
    await open();
    const { body } = await post(meta, textTo('+15550100001', 'Hi', { biz_opaque_callback_data: 'send-7' }));
    await service.received(3);

    const pricing = { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category: 'service' };
    const common = {
      id: body.messages?.[0]?.id,
      recipient_id: '15550100001',
      recipient_user_id: 'US.13491208655302741918',
      biz_opaque_callback_data: 'send-7',
    };
    expect(statuses().map(({ timestamp: _, ...rest }) => rest)).to.deep.equal([
      { ...common, status: 'sent', pricing },
      { ...common, status: 'delivered', pricing },
      { ...common, status: 'read' },
    ]);
    for (const { timestamp } of statuses()) expect(timestamp).to.match(/^\d{10}$/);
    expect(service.values[0]?.['contacts']).to.deep.equal([
      { profile: { name: 'Ana Souza' }, wa_id: '15550100001', user_id: 'US.13491208655302741918' },
    ]);
    const [sent] = meta.transcript;
    expect(sent?.direction === 'outbound' && sent.statuses.map(({ status }) => status)).to.deep.equal([
      'sent',
      'delivered',
      'read',
    ]);
  });

  it('shows no number of a customer with a user name, and the user name only from delivered on', async () => {
    await open();
    const recipient = meta.customer('kim').userId;
    await post(meta, { messaging_product: 'whatsapp', recipient, text: { body: 'Hi' } });
    await service.received(3);
    for (const status of statuses()) expect(status).not.to.have.property('recipient_id');
    const profiles = service.values.map((value) => value['contacts']);
    expect(profiles).to.deep.equal([
      [{ profile: { name: 'Kim Park' }, user_id: recipient }],
      [{ profile: { name: 'Kim Park', username: 'kim.park' }, user_id: recipient }],
      [{ profile: { name: 'Kim Park', username: 'kim.park' }, user_id: recipient }],
    ]);
  });

  it('leaves out a step that never happens; the price comes with read then', async () => {
    await open({ statusDelaysMs: { sent: 1, delivered: 'never', read: 20 } });
    await post(meta, textTo('+15550100001'));
    await service.received(2);
    expect(statuses().map(({ status }) => status)).to.deep.equal(['sent', 'read']);
    expect(statuses()[1]).to.have.property('pricing');
  });

  it('reports nothing beyond sent for a reaction', async () => {
    await open({ statusDelaysMs: { sent: 20, delivered: 1, read: 1 } });
    const reaction = { message_id: 'wamid.x', emoji: '👍' };
    await post(meta, { messaging_product: 'whatsapp', to: '+15550100001', type: 'reaction', reaction });
    await service.received(1);
    expect(statuses().map(({ status }) => status)).to.deep.equal(['sent']);
  });

  it('reports sent and failed, with the code, its title and the address alone, where a fault wants it', async () => {
    await open({ statusDelaysMs: { sent: 1, delivered: 20, read: 20 } });
    meta.faults.arm({ on: 'graph', do: 'accept_then_fail', code: 131026, details: 'Message Undeliverable.' });
    const { status, body } = await post(meta, textTo('+15550100001'));
    expect(status).to.equal(200);
    await service.received(2);
    expect(statuses().map((one) => one.status)).to.deep.equal(['sent', 'failed']);
    const { timestamp: _, ...failed } = statuses()[1]!;
    expect(failed).to.deep.equal({
      id: body.messages?.[0]?.id,
      status: 'failed',
      recipient_id: '15550100001',
      errors: [
        {
          code: 131026,
          title: 'Message undeliverable',
          message: 'Message undeliverable',
          error_data: { details: 'Message Undeliverable.' },
          href: '/documentation/business-messaging/whatsapp/support/error-codes',
        },
      ],
    });
    expect(service.values[1]).not.to.have.property('contacts');
    expect((await post(meta, textTo('+15550100001'))).status).to.equal(200);
    await service.received(5);
    expect(statuses().at(-1)?.status).to.equal('read');
  });

  it('bills a template', async () => {
    await open({ statusDelaysMs: { sent: 1, delivered: 'never', read: 'never' } });
    const template = { name: 'hello_world', language: { code: 'en_US' } };
    await post(meta, { messaging_product: 'whatsapp', to: '+15550100001', type: 'template', template });
    await service.received(1);
    expect(statuses()[0]).to.have.deep.property('pricing', {
      billable: true,
      pricing_model: 'PMP',
      type: 'regular',
      category: 'utility',
    });
  });

  it('goes on without a webhook URL, in the transcript alone', async () => {
    meta = await createSimulator({ statusDelaysMs: { sent: 1, delivered: 2, read: 3 } });
    await post(meta, textTo('+15550100001'));
    const [sent] = meta.transcript;
    const deadline = Date.now() + 2_000;
    while (sent?.direction === 'outbound' && sent.statuses.length < 3 && Date.now() < deadline)
      await new Promise((resolve) => setImmediate(resolve));
    expect(sent?.direction === 'outbound' && sent.statuses).to.have.lengthOf(3);
    expect(meta.webhooks).to.deep.equal([]);
  });
});
