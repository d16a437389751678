import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { buttonsTo, post, textTo } from './graph-client.ts';
import { ServiceDouble } from './service-double.ts';
import { WIRE_VECTORS } from './wire-vectors.ts';

describe('Simulated customers', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
    meta = await createSimulator({ webhookUrl: service.url, statusDelaysMs: NEVER });
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  const NEVER = { sent: 'never', delivered: 'never', read: 'never' } as const;

  it('write text with number, BSUID and a wamid of their own', async () => {
    const said = meta.customer('ana').says('hi');
    await said.acknowledged();

    expect(service.requests[0]?.json).to.deep.equal({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '102290129340398',
          changes: [
            {
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '15550783881', phone_number_id: '106540352242922' },
                contacts: [
                  { profile: { name: 'Ana Souza' }, wa_id: '15550100001', user_id: 'US.13491208655302741918' },
                ],
                messages: [
                  {
                    from: '15550100001',
                    from_user_id: 'US.13491208655302741918',
                    id: said.wamid,
                    timestamp: said.record.message['timestamp'],
                    type: 'text',
                    text: { body: 'hi' },
                  },
                ],
              },
              field: 'messages',
            },
          ],
        },
      ],
    });
    expect(Number(said.record.message['timestamp'])).to.be.closeTo(Date.now() / 1000, 5);
  });

  it('write an emoji in the very bytes of a captured delivery', async () => {
    const [vector] = WIRE_VECTORS;
    await meta.close();
    meta = await createSimulator({
      webhookUrl: service.url,
      businessAccountId: '218765430912345',
      phoneNumberId: '109876543210987',
      displayPhoneNumber: '15550100200',
    });
    const zoe = meta.addCustomer({
      id: 'zoe',
      name: 'Zoë 🌈✨',
      phone: '+44 7700 900106',
      userId: 'GB.40231187650923417770',
    });
    const said = zoe.says('🎉👩🏽‍🚒');
    await said.acknowledged();
    const expected = vector?.body
      .replace(/wamid\.\w+=*/, () => said.wamid)
      .replace('1790001267', () => String(said.record.message['timestamp']));
    expect(service.requests[0]?.body.toString('latin1')).to.equal(expected);
  });

  it('without a visible number have neither from nor wa_id', async () => {
    await meta.customer('kim').says('hi').acknowledged();
    const [value] = service.values;
    expect(value?.['contacts']).to.deep.equal([
      { profile: { name: 'Kim Park', username: 'kim.park' }, user_id: 'US.20718355490126637745' },
    ]);
    const [message] = (value?.['messages'] ?? []) as readonly object[];
    expect(message).not.to.have.property('from');
    expect(message).to.include({ from_user_id: 'US.20718355490126637745', type: 'text' });
  });

  it('quote a message', async () => {
    const { body } = await post(meta, textTo('+15550100001'));
    const quoted = String(body.messages?.[0]?.id);
    const said = meta.customer('ana').says('that one', { replyTo: quoted });
    expect(said.record.message['context']).to.deep.equal({ from: '15550783881', id: quoted });
  });

  it('send an image, with and without caption', () => {
    const ana = meta.customer('ana');
    const { image } = ana.sends({ type: 'image', caption: 'look', mimeType: 'image/png' }).record.message;
    expect(image).to.include({ caption: 'look', mime_type: 'image/png' });
    expect(image)
      .to.have.property('id')
      .that.matches(/^\d{16}$/);
    const bare = ana.sends({ type: 'image' }).record.message['image'];
    expect(bare).to.have.all.keys('mime_type', 'sha256', 'id', 'url');
  });

  it('send a location', () => {
    const sent = meta
      .customer('ana')
      .sends({ type: 'location', latitude: -33.8567844, longitude: 151.2152967, name: 'Café' });
    expect(sent.record.message).to.deep.include({
      type: 'location',
      location: { latitude: -33.8567844, longitude: 151.2152967, name: 'Café' },
    });
  });

  it('send whatever message they are given, completed only where it lacks something', () => {
    const raw = { type: 'poll', id: 'wamid.mine', poll: { name: 'Lunch?' } };
    const sent = meta.customer('ana').sends({ type: 'raw', message: raw });
    expect(sent.record.message).to.deep.include({ ...raw, from: '15550100001' });
    expect(sent).to.include({ wamid: 'wamid.mine' });
    expect(sent.record.type).to.equal('poll');
  });

  it('tap a button of the last interactive message, by title and by id', async () => {
    const { body } = await post(meta, buttonsTo('+15550100001', ['Track', 'Talk']));
    await post(meta, textTo('+15550100001', 'in between'));
    const ana = meta.customer('ana');
    const expected = {
      context: { from: '15550783881', id: body.messages?.[0]?.id },
      type: 'interactive',
      interactive: { type: 'button_reply', button_reply: { id: 'b1', title: 'Talk' } },
    };
    expect(ana.taps('Talk').record.message).to.deep.include(expected);
    expect(ana.sends({ type: 'tap', id: 'b1' }).record.message).to.deep.include(expected);
    expect(ana.chat.map((record) => record.direction)).to.deep.equal(['outbound', 'outbound', 'inbound', 'inbound']);
  });

  it('cannot tap what is not there, and are told what is', async () => {
    const ana = meta.customer('ana');
    expect(() => ana.taps('Track'))
      .to.throw('Tappable: nothing')
      .that.includes({ code: 'nothing_to_tap' });
    await post(meta, buttonsTo('+15550100001', ['Track', 'Talk']));
    expect(() => ana.taps('Buy')).to.throw('Tappable: Track (b0), Talk (b1)');
    await post(meta, {
      ...buttonsTo('+15550100001', []),
      interactive: {
        type: 'list',
        body: { text: 'Which?' },
        action: { button: 'Menu', sections: [{ rows: [{ id: 'track', title: 'Track' }] }] },
      },
    });
    expect(() => ana.taps('Track')).to.throw('Tappable: nothing');
    expect(meta.transcript.filter(({ direction }) => direction === 'inbound')).to.deep.equal([]);
  });

  it('wait for the reply to what they said, not for an earlier one', async () => {
    await post(meta, textTo('+15550100001', 'earlier'));
    const said = meta.customer('ana').says('hi');
    await post(meta, textTo('+15550100002', 'to somebody else'));
    const reply = said.reply();
    await post(meta, textTo('+15550100001', 'Hello Ana!'));
    expect(await reply).to.include({ text: 'Hello Ana!', type: 'text', customer: 'ana' });
    const both = said.replies(2);
    await post(meta, textTo('+15550100001', 'And more'));
    expect((await both).map(({ text }) => text)).to.deep.equal(['Hello Ana!', 'And more']);
  });

  it('show the buttons of a reply and when the service read their message', async () => {
    const said = meta.customer('ana').says('hi');
    await post(meta, {
      messaging_product: 'whatsapp',
      status: 'read',
      message_id: said.wamid,
      typing_indicator: { type: 'text' },
    });
    expect(said.record.readAtMs).to.be.closeTo(Date.now(), 5_000);
    await post(meta, buttonsTo('+15550100001', ['Track']));
    expect(await said.reply()).to.deep.include({ text: 'What can I do for you?', buttons: ['Track'] });
  });

  it('are refused twice under one id, without any address, and by an unknown id', () => {
    expect(() => meta.addCustomer({ id: 'ana', phone: '1' })).to.throw('exists already');
    expect(() => meta.addCustomer({ id: 'bo' })).to.throw('needs a phone, a username or a userId');
    expect(() => meta.customer('bo'))
      .to.throw('There are: ana, kim')
      .that.includes({ code: 'unknown_customer' });
    expect(meta.addCustomer({ id: 'bo', username: 'bo' }).userId).to.match(/^US\.\d{20}$/);
    expect(meta.customer('bo').waId).to.equal(undefined);
    expect(meta.customer('bo').id).to.equal('bo');
  });
});
