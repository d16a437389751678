import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import { TOPICS } from './answers.ts';
import bot from './index.ts';

const IDS = TOPICS.map(({ id }) => id);

test('has an answer behind every button', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.says('hello');
  ana
    .expectReply()
    .text('What would you like to know?')
    .buttons(...IDS);
  for (const { title, answer } of TOPICS) {
    await ana.taps(title);
    ana.expectReply().text(answer).times(1);
  }
});

test('understands a question in the words of a customer, and quotes it', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.says('When do you close on Fridays?');
  ana
    .expectReply()
    .text(/9:00 to 18:00/)
    .quoting(/close on Fridays/);
  await ana.says('can I get a refund for the blue one');
  ana.expectReply().text(/30 days/);
});

test('offers what it knows for everything else', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.says('What is the meaning of life?');
  ana
    .expectReply()
    .text(/do not know/)
    .buttons(...IDS);
  await ana.sends({ type: 'audio', voice: true });
  ana
    .expectReply()
    .text(/I can answer questions/)
    .buttons(...IDS);
});

test('the first topic that fits answers, alone', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.says('Are you open for returns?');
  ana
    .expectReply()
    .text(/open Monday/)
    .times(1);
});
