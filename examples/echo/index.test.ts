import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import bot from './index.ts';

test('says back what is written, to people with and without a phone number', async () => {
  const t = await testBot(bot);
  for (const customer of [t.customer({ name: 'Ana' }), t.customer({ name: 'Kim', userId: 'US.4711' })]) {
    await customer.says('Hello 👋');
    customer.expectReply().text('Hello 👋').times(1);
  }
  t.expectNothingPending();
});

test('says what it cannot do', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.sends({ type: 'image' });
  ana.expectReply().text(/only say back/);
});

test('a text that comes twice is said back once', async () => {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  t.faults.duplicate(2);
  await ana.says('once');
  ana.expectReply().times(1);
});
