import { expect } from 'chai';
import type { Handler } from '../../src/bot/bot-builder.ts';
import type { MessageHandlerContext } from '../../src/bot/bot-context.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { Messages } from '../../src/bot/messages.ts';
import type { InboundMessage } from '../../src/core/model.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import { RecordedRun, text } from './bot-run.ts';

type Talk = Handler<MessageHandlerContext>;

async function runOf(talk: Talk, event: InboundMessage = text('a', { id: 'wamid.IN1' })): Promise<RecordedRun> {
  const run = new RecordedRun();
  await new BotHandler(defineBot((bot) => bot.on('message', talk))).handle(event, run);
  return run;
}

const link = 'https://example.com/file';

const CARD = { header: { image: { link } }, action: { title: 'B', url: link } };

/** Each method with all that it takes, and what it queues. */
const METHODS: { readonly [Method in keyof Messages]: readonly [(messages: Messages) => unknown, OutboundContent] } = {
  text: [(m) => m.text('Hi', { previewUrl: true }), { type: 'text', text: 'Hi', previewUrl: true }],
  image: [(m) => m.image(link, { caption: 'A' }), { type: 'image', link, caption: 'A' }],
  video: [(m) => m.video({ id: '1' }, { caption: 'A' }), { type: 'video', id: '1', caption: 'A' }],
  audio: [(m) => m.audio({ link }, { voice: true }), { type: 'audio', link, voice: true }],
  document: [
    (m) => m.document(link, { caption: 'A', filename: 'a.pdf' }),
    { type: 'document', link, caption: 'A', filename: 'a.pdf' },
  ],
  sticker: [(m) => m.sticker({ id: '1' }), { type: 'sticker', id: '1' }],
  location: [
    (m) => m.location({ latitude: 1, longitude: 2, name: 'A', address: 'B' }),
    { type: 'location', latitude: 1, longitude: 2, name: 'A', address: 'B' },
  ],
  contacts: [
    (m) => m.contacts({ name: { formatted: 'Ana' } }),
    { type: 'contacts', contacts: [{ name: { formatted: 'Ana' } }] },
  ],
  reaction: [(m) => m.reaction('wamid.x', '👍'), { type: 'reaction', messageId: 'wamid.x', emoji: '👍' }],
  noReaction: [(m) => m.noReaction('wamid.x'), { type: 'reaction', messageId: 'wamid.x' }],
  pin: [(m) => m.pin('wamid.x', 7), { type: 'pin', messageId: 'wamid.x', days: 7 }],
  unpin: [(m) => m.unpin('wamid.x'), { type: 'pin', messageId: 'wamid.x' }],
  buttons: [
    (m) => m.buttons('A', [{ id: 'a', title: 'A' }], { header: { image: { link } }, footer: 'F' }),
    { type: 'buttons', text: 'A', buttons: [{ id: 'a', title: 'A' }], header: { image: { link } }, footer: 'F' },
  ],
  list: [
    (m) => m.list('A', 'B', [{ rows: [{ id: 'a', title: 'A' }] }], { header: 'H', footer: 'F' }),
    {
      ...{ type: 'list', text: 'A', button: 'B', header: 'H', footer: 'F' },
      sections: [{ rows: [{ id: 'a', title: 'A' }] }],
    },
  ],
  link: [
    (m) => m.link('A', { title: 'B', url: link }, { footer: 'F' }),
    { type: 'link', text: 'A', button: { title: 'B', url: link }, footer: 'F' },
  ],
  flow: [
    (m) => m.flow('A', { button: 'B', flowId: '1', token: 't' }, { header: 'H' }),
    { type: 'flow', text: 'A', button: 'B', flowId: '1', token: 't', header: 'H' },
  ],
  locationRequest: [(m) => m.locationRequest('A'), { type: 'locationRequest', text: 'A' }],
  address: [(m) => m.address('A', { country: 'IN' }), { type: 'address', text: 'A', country: 'IN' }],
  product: [
    (m) => m.product({ catalogId: '1', productId: 'a' }, { text: 'A' }),
    { type: 'product', catalogId: '1', productId: 'a', text: 'A' },
  ],
  productList: [
    (m) => m.productList('A', { header: 'H', catalogId: '1', sections: [{ products: ['a'] }] }, { footer: 'F' }),
    { type: 'productList', text: 'A', header: 'H', footer: 'F', catalogId: '1', sections: [{ products: ['a'] }] },
  ],
  catalog: [(m) => m.catalog('A', { thumbnail: 'a' }), { type: 'catalog', text: 'A', thumbnail: 'a' }],
  carousel: [(m) => m.carousel('A', [CARD, CARD]), { type: 'carousel', text: 'A', cards: [CARD, CARD] }],
  productCarousel: [
    (m) => m.productCarousel('A', { catalogId: '1', products: ['a', 'b'] }),
    { type: 'productCarousel', text: 'A', catalogId: '1', products: ['a', 'b'] },
  ],
  callPermissionRequest: [(m) => m.callPermissionRequest('A'), { type: 'callPermissionRequest', text: 'A' }],
  contactRequest: [(m) => m.contactRequest('A'), { type: 'contactRequest', text: 'A' }],
  voiceCall: [
    (m) => m.voiceCall('A', { button: 'B', ttlMinutes: 5, payload: 'p' }),
    { type: 'voiceCall', text: 'A', button: 'B', ttlMinutes: 5, payload: 'p' },
  ],
  template: [
    (m) => m.template('order', 'en', { body: ['Ana'], offerEndsAtMs: 7 }),
    { type: 'template', name: 'order', language: 'en', body: ['Ana'], offerEndsAtMs: 7 },
  ],
};

describe('Messages', () => {
  for (const [method, [call, content]] of Object.entries(METHODS))
    it(`queues what ${method} says, for the customer and for anybody else`, async () => {
      const group = text('a', { groupId: 'group-1' });
      const run = await runOf(({ reply, send }) => {
        call(reply as Messages);
        call(send.to({ groupId: 'group-2' }));
      }, group);
      expect(run.contents()).to.deep.equal([content, content]);
      expect(run.sent.map(({ to }) => to)).to.deep.equal([{ groupId: 'group-1' }, { groupId: 'group-2' }]);
    });

  it('has no method that is not among these', () => {
    const methods = Object.getOwnPropertyNames(Messages.prototype).filter((name) => name !== 'constructor');
    expect(Object.keys(METHODS).sort()).to.deep.equal(methods.sort());
  });

  it('go to somebody else from the number that was written to, under an id of their own', async () => {
    const run = await runOf(async ({ send }) => {
      await send.to({ userId: 'US.1349' }).text('Hi', { quote: 'wamid.x' });
      await send.to({ waId: '15550100002' }).text('Hi');
    });
    const [first, second] = run.sent;
    expect(first).to.deep.include({ phoneNumberId: '106540352242922', to: { userId: 'US.1349' }, replyTo: 'wamid.x' });
    expect(second)
      .to.deep.include({ to: { waId: '15550100002' } })
      .and.not.have.property('replyTo');
    expect(first?.sendId).not.to.equal(second?.sendId);
  });

  it('are refused to nobody, at the line that says what', async () => {
    const failed = runOf(({ send }) => send.to({}).text('Hi'));
    expect(await failed.catch((error: unknown) => error)).to.have.property('code', 'invalid_message');
  });

  it('go where it was said when they were queued, whatever becomes of the recipient', async () => {
    const to = { waId: '15550100002' };
    const run = await runOf(async ({ send }) => {
      await send.to(to).text('Hi');
      to.waId = '15550100003';
    });
    expect(run.sent[0]?.to).to.deep.equal({ waId: '15550100002' });
  });

  it('quote another message than the one at hand if told its id', async () => {
    const run = await runOf(({ reply }) => reply.text('Hi', { quote: 'wamid.earlier' }));
    expect(run.sent[0]?.replyTo).to.equal('wamid.earlier');
  });

  it('put an emoji on the message at hand and take it off', async () => {
    const run = await runOf(async ({ react, unreact }) => {
      await react('👍');
      await unreact();
    });
    expect(run.contents()).to.deep.equal([
      { type: 'reaction', messageId: 'wamid.IN1', emoji: '👍' },
      { type: 'reaction', messageId: 'wamid.IN1' },
    ]);
  });
});
