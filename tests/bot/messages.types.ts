/**
 * Wrong messages do not compile. Never run: every `@ts-expect-error` is an error that must be there, and every other line
 * must compile.
 */
import { defineBot, type Fallback } from 'wahook';

const link = 'https://example.com/a.png';

defineBot((bot) => {
  bot.on('message', async ({ reply, send, react, unreact }) => {
    await reply.image(link, { caption: 'A cat', quote: true });
    await reply.image({ id: '1003' });
    // @ts-expect-error an id or a link, not both
    await reply.image({ id: '1003', link });
    // @ts-expect-error a typo in an option
    await reply.image(link, { captoin: 'A cat' });
    // @ts-expect-error an audio has no caption
    await reply.audio(link, { caption: 'Listen' });
    // @ts-expect-error a sticker has no caption
    await reply.sticker(link, { caption: 'Look' });
    await reply.document({ link }, { filename: 'bill.pdf' });

    await reply.location({ latitude: 1, longitude: 2, name: 'Shop' });
    // @ts-expect-error degrees are numbers
    await reply.location({ latitude: '1', longitude: 2 });
    await reply.contacts({ name: { formatted: 'Ana' }, phones: [{ phone: '+1 555', type: 'WORK' }] });
    // @ts-expect-error a contact has a name
    await reply.contacts({ phones: [{ phone: '+1 555' }] });
    // @ts-expect-error a place is HOME or WORK
    await reply.contacts([{ name: { formatted: 'Ana' }, emails: [{ email: 'a@example.com', type: 'CELL' }] }]);

    await reply.buttons('Well?', [{ id: 'a', title: 'A' }], { header: { image: { link } } });
    // @ts-expect-error there is no header with an audio
    await reply.buttons('Well?', [{ id: 'a', title: 'A' }], { header: { audio: { link } } });
    await reply.list('Which?', 'Menu', [{ rows: [{ id: 'a', title: 'A' }] }], { header: 'Food' });
    // @ts-expect-error a list has a line of text above it, no picture
    await reply.list('Which?', 'Menu', [{ rows: [{ id: 'a', title: 'A' }] }], { header: { image: { link } } });
    // @ts-expect-error a section has rows
    await reply.list('Which?', 'Menu', [{ title: 'Food' }]);
    await reply.link('Look', { title: 'Open', url: link });
    // @ts-expect-error a link has a url
    await reply.link('Look', { title: 'Open' });

    await reply.flow('Book', { button: 'Book', flowId: '1', screen: 'FIRST', data: { guests: 2 } });
    // @ts-expect-error which Flow?
    await reply.flow('Book', { button: 'Book' });
    // @ts-expect-error an id or a name, not both
    await reply.flow('Book', { button: 'Book', flowId: '1', flowName: 'booking' });
    await reply.address('Where to?', { country: 'IN', values: { city: 'Mumbai' } });

    await reply.product({ catalogId: '1', productId: 'a' }, { text: 'This one?' });
    // @ts-expect-error a product is in a catalog
    await reply.product({ productId: 'a' });
    await reply.productList('Ours', { header: 'Shop', catalogId: '1', sections: [{ products: ['a'] }] });
    // @ts-expect-error a product list has a header
    await reply.productList('Ours', { catalogId: '1', sections: [{ products: ['a'] }] });
    await reply.carousel('New', [
      { header: { image: { link } }, action: { title: 'Open', url: link } },
      { header: { video: { id: '1' } }, action: [{ id: 'a', title: 'A' }] },
    ]);
    // @ts-expect-error a card has a picture or a video
    await reply.carousel('New', [{ header: 'New', action: { title: 'Open', url: link } }]);
    await reply.voiceCall('Talk to us', { button: 'Call', ttlMinutes: 60 });

    await reply.template('order', 'en_US', { body: ['Ana', { dateTime: { fallback: 'today' } }] });
    await reply.template('order', 'en_US', { header: { text: { name: 'Ana' } }, body: { name: 'Ana' } });
    await reply.template('order', 'en_US', { buttons: [{ type: 'copyCode', code: 'SAVE20' }] }, { quote: true });
    // @ts-expect-error a value is a text
    await reply.template('order', 'en_US', { body: [7] });
    // @ts-expect-error the amount is a number
    await reply.template('order', 'en_US', { body: [{ currency: { code: 'EUR', amount: '5', fallback: '5' } }] });
    // @ts-expect-error a button by our name, not by Meta's
    await reply.template('order', 'en_US', { buttons: [{ type: 'copy_code', code: 'SAVE20' }] });
    // @ts-expect-error Meta's components are put together by us
    await reply.template('order', 'en_US', { components: [] });
    // @ts-expect-error what a quick reply sends back
    await reply.template('order', 'en_US', { buttons: [{ type: 'quickReply', code: 'yes' }] });

    const fallback: Fallback = { template: 'we_miss_you', language: 'en_US', body: ['Ana'] };
    await reply.text('hi', { fallback, quote: true });
    await reply.buttons('Well?', [{ id: 'a', title: 'A' }], { fallback, footer: 'no hurry' });
    await send.to({ waId: '15550100001' }).image(link, { fallback });
    // @ts-expect-error in which language?
    await reply.text('hi', { fallback: { template: 'we_miss_you' } });
    // @ts-expect-error a typo in what fills the places
    await reply.text('hi', { fallback: { template: 'we_miss_you', language: 'en_US', boddy: ['Ana'] } });
    // @ts-expect-error a template needs none
    await reply.template('order', 'en_US', {}, { fallback });

    await reply.text('hi', { quote: 'wamid.x' });
    await send.to({ waId: '15550100001' }).text('hi', { quote: 'wamid.x' });
    // @ts-expect-error which one? Only a reply has a message that it answers
    await send.to({ waId: '15550100001' }).text('hi', { quote: true });
    // @ts-expect-error a typo in the recipient
    send.to({ phone: '15550100001' });
    await react('👍');
    await unreact();
    // @ts-expect-error an emoji is a text
    await react(7);
  });

  bot.on('status', (ctx) => {
    // @ts-expect-error there is nothing to react to
    ctx.react;
  });
});
