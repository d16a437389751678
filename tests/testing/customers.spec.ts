import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { defineBot } from 'wahook';
import { testBot } from 'wahook/testing';
import { rejection } from '../simulator/rejection.ts';

/** Remembers what it got, and answers. */
function witness(heard: Record<string, unknown>[]) {
  return defineBot((bot) => {
    bot.on('message', async (ctx) => {
      heard.push({ ...ctx.message, waId: ctx.customer.waId });
      if (ctx.message.type !== 'system') await ctx.reply.text(`heard ${ctx.text}`);
    });
    for (const status of ['sent', 'delivered', 'read'] as const)
      bot.on(`status.${status}`, (ctx) => {
        ctx.log.warn(`told ${status}`);
      });
  });
}

async function world() {
  const all: Record<string, unknown>[] = [];
  const t = await testBot(witness(all));
  const ana = t.customer({ name: 'Ana Souza', phone: '+1 555 010 7777' });
  const heard = () => all.at(-1) ?? {};
  const statuses = () => [...t.transcript.matchAll(/told (\w+)/g)].map(([, status]) => status);
  return { t, ana, heard, statuses };
}

describe('A customer of testBot', () => {
  it('says, and quotes what the bot said', async () => {
    const { ana, heard } = await world();
    await ana.says('one');
    await ana.says('two');
    const [first] = ana.replies;
    await ana.repliesTo(/heard one/, 'that one');
    expect(heard()).to.deep.include({ type: 'text', text: 'that one', waId: '15550107777' });
    expect(heard()['context']).to.include({ messageId: first?.id });
  });

  it('sends images, videos, voice notes, documents, stickers, places and contacts', async () => {
    const { ana, heard } = await world();
    await ana.sends({ type: 'image', caption: 'the menu' });
    expect(heard()).to.include({ type: 'image', caption: 'the menu' });
    await ana.sends({ type: 'video' });
    expect(heard()['media']).to.include({ mimeType: 'video/mp4' });
    await ana.sends({ type: 'audio', voice: true });
    expect(heard()).to.include({ type: 'audio', voice: true });
    await ana.sends({ type: 'document', filename: 'contract.pdf' });
    expect(heard()).to.include({ type: 'document', filename: 'contract.pdf' });
    await ana.sends({ type: 'sticker' });
    expect(heard()).to.include({ type: 'sticker', animated: false });
    await ana.sends({ type: 'location', latitude: 1.5, longitude: -2, name: 'Here' });
    expect(heard()).to.include({ type: 'location', latitude: 1.5, longitude: -2, name: 'Here' });
    await ana.sends({ type: 'contacts', contacts: [{ name: 'Bo Li', phone: '+15550100009' }] });
    expect(heard()).to.have.nested.property('contacts[0].formattedName', 'Bo Li');
    await ana.sends({ type: 'raw', message: { type: 'hologram', hologram: { size: 3 } } });
    expect(heard()).to.include({ type: 'unknown', reported: 'hologram' });
  });

  it("sends a raw message from another address: it is that person's, and so is the answer", async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.on('message.text', (ctx) => ctx.reply.text(`You said: ${ctx.text}`));
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    const kim = t.customer({ name: 'Kim', phone: '15550109999' });
    const message = { type: 'text', text: { body: 'from here' } };
    await ana.sends({ type: 'raw', message: { ...message, from: '15550109999' } });
    ana.expectNoReply();
    kim
      .expectReply()
      .text(/from here/)
      .times(1);
    await ana.sends({ type: 'raw', message: { ...message, from_user_id: 'US.1' } });
    ana.expectNoReply();
    expect(t.transcript).to.contain('US.1');
    await ana.sends({ type: 'raw', message: { ...message, from: ana.waId ?? '', from_user_id: ana.userId } });
    ana.expectReply().text(/from here/);
  });

  it('reacts, takes it back, and edits', async () => {
    const { ana, heard } = await world();
    await ana.says('good morning');
    const [answer] = ana.replies;
    await ana.reacts('🙏🏿');
    expect(heard()).to.include({ type: 'reaction', emoji: '🙏🏿', messageId: answer?.id });
    await ana.edits('good evening');
    expect(heard()).to.have.nested.property('edited.text.body', 'good evening');
    await ana.reacts();
    expect(heard()).to.include({ type: 'reaction' }).and.not.have.property('emoji');
  });

  it('is told of by statuses: delivered by itself, read when they read, neither while they are offline', async () => {
    const { t, ana, statuses } = await world();
    await ana.says('one');
    expect(statuses()).to.deep.equal(['sent', 'delivered']);
    await ana.reads();
    expect(statuses()).to.deep.equal(['sent', 'delivered', 'read']);
    await ana.reads();
    expect(statuses(), 'read once').to.have.length(3);
    await ana.goesOffline();
    expect((await t.send(ana, { type: 'text', text: 'are you there?' })).delivery).to.equal('sent');
    await t.clock.advance('1h');
    expect(statuses().slice(3)).to.deep.equal(['sent']);
    await ana.comesBack();
    expect(statuses().slice(3)).to.deep.equal(['sent', 'delivered']);
  });

  it('has another number, and the bot is told', async () => {
    const { ana, heard } = await world();
    await ana.changesNumber('+1 555 010 8888');
    expect(heard()).to.include({ type: 'system', change: 'user_changed_number' });
    await ana.says('it is me');
    expect(heard()).to.include({ waId: '15550108888' });
  });

  it('taps buttons and picks rows that are on the screen, by title or id, and nothing else', async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.onText('buttons', (ctx) => ctx.reply.buttons('Well?', [{ id: 'yes', title: 'Yes, please' }]));
        bot.onButton('yes', (ctx) => ctx.reply.text('so be it'));
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    expect(await rejection(ana.taps('Yes, please'))).to.be.instanceOf(AssertionError);
    await ana.says('buttons');
    await ana.taps('Yes, please');
    ana.expectReply().text('so be it');
    await ana.taps('yes');
    ana.expectReply().text('so be it');
    const error = await rejection(ana.taps('No'));
    expect(error.message).to.match(
      /^Ana cannot do that: No button No in the last interactive message.*Yes, please \(yes\)/,
    );
    expect(error.message).to.match(/^> +expected: something to do that with$/m);
    expect((await rejection(ana.picks('yes'))).message).to.contain('No row yes');
  });

  it('picks a row of a list with sections, by title or id, and the bot is told which', async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.onText('menu', (ctx) =>
          ctx.reply.list('What would you like?', 'Menu', [
            { title: 'Hot', rows: [{ id: 'dish:soup', title: 'Soup', description: 'Of the day' }] },
            { title: 'Cold', rows: [{ id: 'dish:salad', title: 'Salad' }] },
          ]),
        );
        bot.onList(/^dish:(.+)$/, (ctx) => ctx.reply.text(`${ctx.match[1]}: ${ctx.message.reply.title}`));
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.says('menu');
    ana.expectReply().text('What would you like?').list('dish:soup', 'Salad');
    await ana.picks('Salad');
    ana.expectReply().text('salad: Salad');
    await ana.picks('dish:soup');
    ana.expectReply().text('soup: Soup');
    expect((await rejection(ana.taps('Soup'))).message).to.contain('No button Soup');
  });

  it('writes several messages at once, which a bot that wants bursts gets together', async () => {
    const t = await testBot(
      defineBot({ turn: 'burst', quietMs: 1_500, maxMs: 10_000, maxMessages: 20 }, (bot) => {
        bot.on('message.text', (ctx) => ctx.reply.text(`${ctx.messages.length}: ${ctx.text}`));
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await Promise.all([ana.says('hi'), ana.says('is it'), ana.says('open?')]);
    ana.expectReply().text('3: hi\nis it\nopen?').within('3s').times(1);
    await ana.says('thanks');
    ana.expectReply().text('1: thanks').times(1);
  });
});
