import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { defineBot } from 'wahook';
import { testBot } from 'wahook/testing';

describe('Files in testBot', () => {
  it('are the bytes that the customer sent, with their type and their checksum', async () => {
    const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff, 0x0d, 0x0a]);
    const t = await testBot(
      defineBot((bot) => {
        bot.on('message.image', async (ctx) => {
          const file = await ctx.media.buffer();
          const { mimeType, bytes } = await ctx.media.info();
          const sha256 = createHash('sha256').update(file).digest('base64');
          await ctx.reply.text(`${file.equals(picture)} ${mimeType} ${bytes} ${sha256 === ctx.message.media.sha256}`);
        });
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.sends({ type: 'image', mimeType: 'image/png', data: picture, caption: 'mine' });
    ana.expectReply().text('true image/png 8 true');
    await ana.sends({ type: 'image' });
    ana.expectReply().text(/^false image\/jpeg [1-9]\d* true$/);
  });

  it('are gone after 7 days: a handler that comes too late is told so', async () => {
    const ids: string[] = [];
    const t = await testBot(
      defineBot((bot) => {
        bot.on('message.document', async (ctx) => {
          ids.push(ctx.message.media.id);
          if (ctx.attempt === 1 && ctx.message.filename === 'late.pdf' && ids.length === 1) return ctx.defer('8d');
          const file = await ctx.media.buffer();
          ctx.log.warn(`got ${file.length}`);
        });
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.sends({ type: 'document', filename: 'late.pdf', data: Buffer.from('%PDF') });
    await t.clock.advance('9d');
    expect(String(t.errors[0])).to.match(/A file cannot be had: .* 7 days/);
    await ana.sends({ type: 'document', filename: 'in-time.pdf', data: Buffer.from('%PDF') });
    expect(t.transcript).to.contain('got 4');
  });

  it('can be uploaded and sent', async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.onText('menu', async (ctx) => {
          const id = await ctx.uploadMedia({ content: Buffer.from('JFIF'), mimeType: 'image/jpeg' });
          await ctx.reply.image({ id }, { caption: 'the menu' });
        });
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.says('menu');
    ana.expectReply().image().text('the menu');
  });
});
