import { expect } from 'chai';
import type { Bot } from '../../src/bot/bot.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { loadBot } from '../../src/bot/load-bot.ts';
import { answers, image, interactive, message, RecordedRun, status, text } from './bot-run.ts';

describe('The sample bot', () => {
  let bot: Bot;

  before(async () => {
    bot = await loadBot('bot/index.ts');
  });

  it('greets with two buttons, with or without a name', async () => {
    for (const greeting of ['hi', 'Hello!', 'oi, tudo bem?']) {
      const [answer] = await answers(bot, text(greeting));
      expect(answer).to.deep.include({ type: 'buttons', text: 'Hello Ana! What can I do for you?' });
    }
    const [answer] = await answers(bot, text('hi', { customer: { userId: 'US.1' } }));
    expect(answer)
      .to.have.property('text')
      .that.matches(/^Hello there!/);
  });

  it('has an answer to each of its buttons', async () => {
    const [greeting] = await answers(bot, text('hi'));
    if (greeting?.type !== 'buttons') throw new Error('no buttons');
    const said = new Set<string>();
    for (const { id, title } of greeting.buttons) {
      const [answer, ...rest] = await answers(bot, interactive({ kind: 'button_reply', id, title }));
      if (answer?.type !== 'text') throw new Error('no text');
      expect(rest).to.deep.equal([]);
      said.add(answer.text);
    }
    expect(said.size).to.equal(2);
  });

  it('says back any other text, and quotes it', async () => {
    const run = new RecordedRun();
    await new BotHandler(bot).handle(text('history lessons'), run);
    expect(run.sent).to.have.length(1);
    expect(run.sent[0]).to.deep.include({
      content: { type: 'text', text: 'You said: history lessons' },
      replyTo: 'wamid.in-1',
    });
  });

  it('has an answer to a text as long as an answer may be', async () => {
    expect(await answers(bot, text('x'.repeat(4096)))).to.deep.equal([
      { type: 'text', text: 'That is a lot of text!' },
    ]);
  });

  it('thanks for a picture and for a place', async () => {
    for (const event of [image(), message({ type: 'location', latitude: 1, longitude: 2 })]) {
      const [answer] = await answers(bot, event);
      expect(answer)
        .to.have.property('text')
        .that.matches(/^Thank you/);
    }
  });

  it('crashes on boom', async () => {
    const error: unknown = await answers(bot, text('Boom')).catch((reason: unknown) => reason);
    expect(error).to.be.an('error').with.property('message', 'boom, as asked for');
  });

  it('logs a message that was not delivered, by its code alone', async () => {
    const run = new RecordedRun();
    await new BotHandler(bot).handle(status('failed'), run);
    expect(run.log.lines).to.deep.equal([
      { level: 'warn', message: 'a message was not delivered', fields: { code: 131047 } },
    ]);
    await new BotHandler(bot).handle(status('read'), run);
    expect(run.log.lines).to.have.length(1);
  });
});
