import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import bot from './bot.ts';

async function shop() {
  const t = await testBot(bot);
  return { t, ana: t.customer({ name: 'Ana' }) };
}

test('greets by name with three buttons, also somebody without a phone number', async () => {
  const { t, ana } = await shop();
  await ana.says('hi');
  ana.expectReply().text('Hello Ana! What can I do for you?').buttons('track', 'menu', 'store').times(1);
  const kim = t.customer({ name: 'Kim', userId: 'US.4711' });
  await kim.says('Hello!');
  kim.expectReply().text(/^Hello Kim!/);
});

test('tracks an order', async () => {
  const { t, ana } = await shop();
  await ana.says('hi');
  await ana.taps('Track my order');
  ana.expectReply().text(/four digits/);
  await ana.says('1042');
  ana.expectReply().text('Order #1042 is on its way and arrives tomorrow.').quoting('1042');
  await ana.says('order #9999');
  ana.expectReply().text('There is no order #9999.');
  t.expectNothingPending();
});

test('shows the menu and then asks', async () => {
  const { ana } = await shop();
  await ana.says('hi');
  await ana.taps('See the menu');
  ana
    .expectReply()
    .image(/menu\.png$/)
    .text('Soup, bread, coffee')
    .times(2);
  ana.expectReply().text('Write what you would like.');
});

test('finds the nearest store', async () => {
  const { ana } = await shop();
  await ana.says('hi');
  await ana.taps('store');
  ana.expectReply().text(/location/);
  await ana.sends({ type: 'location', latitude: 41.15, longitude: -8.61 });
  ana.expectReply().text('Your nearest store is Porto, Rua das Flores 8, 1 km away.');
});

test('takes a picture', async () => {
  const { ana } = await shop();
  await ana.sends({ type: 'image', caption: 'is this yours?' });
  ana.expectReply().text(/^Received your picture \(image\/jpeg, sha256 .{12}…\)/);
});

test('boom is tried five times and given up; the conversation goes on', async () => {
  const { t, ana } = await shop();
  await ana.says('boom');
  ana.expectNoReply();
  assert.equal(t.errors.length, 5);
  assert.equal(t.deadLetters[0]?.reason, 'handler_failed');
  await ana.says('1043');
  ana.expectReply().text(/is being packed/);
});

test('answers once though Meta repeats, puts off or loses', async () => {
  const { t, ana } = await shop();
  for (const fail of [
    () => t.faults.duplicate(3),
    () => t.faults.graph(131056).next(2),
    () => t.faults.lostAnswer(),
    () => t.faults.crash(),
  ]) {
    fail();
    await ana.says('1042');
    ana
      .expectReply()
      .text(/on its way/)
      .times(1);
  }
  t.expectNothingPending();
});

test('says what to do when it does not understand', async () => {
  const { ana } = await shop();
  await ana.says('What is the meaning of life?');
  ana.expectReply().text(/Say "hi"/);
});
