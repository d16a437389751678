import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import bot from './index.ts';

async function shop(options?: Parameters<typeof testBot>[1]) {
  const t = await testBot(bot, options);
  return { t, ana: t.customer({ name: 'Ana' }) };
}

test('greets by name with three buttons, also somebody without a phone number', async () => {
  const { t, ana } = await shop();
  await ana.says('hi');
  ana.expectReply().text('Hello Ana! What can I do for you?').buttons('track', 'menu', 'agent').times(1);
  const kim = t.customer({ name: 'Kim', userId: 'US.4711' });
  await kim.says('Hello!');
  kim.expectReply().text(/^Hello Kim!/);
});

test('asks for the number of an order, and tells where it is', async () => {
  const { t, ana } = await shop();
  await ana.says('hi');
  await ana.taps('Track my order');
  ana.expectReply().text(/four digits/);
  await ana.says('12');
  ana.expectReply().text(/That is none/);
  await ana.says(' 1042 ');
  ana.expectReply().text('Order #1042 is on its way and arrives tomorrow.').quoting(' 1042 ').times(1);
  await ana.says('order #9999');
  ana.expectReply().text('There is no order #9999.');
  t.expectNothingPending();
});

test('takes no for an answer: whoever says something else is not asked again', async () => {
  const { ana } = await shop();
  await ana.says('hi');
  await ana.taps('track');
  await ana.says('hello');
  ana.expectReply().buttons('track', 'menu', 'agent').times(1);
});

test('answers with a template what comes when the 24 hours are over', async () => {
  const { t, ana } = await shop();
  const yesterday = String(Math.floor(t.clock.now() / 1000) - 25 * 3600);
  await ana.sends({ type: 'raw', message: { type: 'text', text: { body: '1042' }, timestamp: yesterday } });
  ana.expectReply().template('order_status', 'en_US').times(1);
  t.expectNothingPending();
});

test('shows the menu as a list with sections, and fills a basket', async () => {
  const { ana } = await shop();
  await ana.says('hi');
  await ana.taps('See the menu');
  ana.expectReply().list('Soup of the day', 'Coffee', 'Salad', 'Lemonade');
  await ana.picks('Coffee');
  ana.expectReply().text('Coffee, with pleasure. 1 in your basket, 1.80 €.');
  await ana.picks('dish:salad');
  ana.expectReply().text('Salad, with pleasure. 2 in your basket, 7.70 €.');
});

test('finds the nearest store', async () => {
  const { ana } = await shop();
  await ana.says('Where is your store?');
  ana.expectReply().text('Where are you?');
  await ana.sends({ type: 'location', latitude: 41.15, longitude: -8.61 });
  ana.expectReply().type('location').times(2);
  ana.expectReply().text('Your nearest store is Porto, Rua das Flores 8: 1 km away.');
});

test('says how large a photo is, and its checksum', async () => {
  const { ana } = await shop();
  const data = Buffer.alloc(3_000, 'pixels');
  await ana.sends({ type: 'image', data, caption: 'is this yours?' });
  ana.expectReply().text(`Received, 3 kB, sha256 ${createHash('sha256').update(data).digest('hex')}`);
});

test('stop: says nothing any more and forgets its question, until start', async () => {
  const { ana } = await shop();
  await ana.says('hi');
  await ana.taps('track');
  await ana.says('Stop');
  ana
    .expectReply()
    .text(/leave you alone/)
    .times(1);
  for (const word of ['1042', 'hi', 'stop']) {
    await ana.says(word);
    ana.expectNoReply();
  }
  await ana.says('start');
  ana
    .expectReply()
    .text(/^Welcome back/)
    .times(1);
  await ana.says('12');
  ana.expectReply().text(/did not get that/);
  await ana.says('1042');
  ana.expectReply().text(/on its way/);
});

test('hands over to a person, and is silent until it is called back; others are answered meanwhile', async () => {
  const { t, ana } = await shop();
  const bo = t.customer({ name: 'Bo' });
  await ana.says('hi');
  await ana.taps('Talk to a person');
  ana
    .expectReply()
    .text(/^A person will write/)
    .times(1);
  await ana.says('My soup was cold!');
  ana.expectNoReply();
  const sent = await t.send(ana, { type: 'text', text: 'This is Rita. I am sorry to hear that.' });
  assert.equal(sent.delivery, 'delivered');
  await bo.says('1043');
  bo.expectReply().text(/is being packed/);
  await ana.says('bot');
  ana
    .expectReply()
    .text(/the bot again/)
    .times(1);
  await ana.says('hi');
  ana.expectReply().text(/^Hello Ana/);
});

test('slow gives up when the time for a run is over, and sends nothing', async () => {
  const { t, ana } = await shop({ env: { HANDLER_RETRIES: '1' } });
  const said = ana.says('slow');
  await t.clock.advance('1s');
  await t.clock.advance('1m');
  await said;
  assert.equal(t.deadLetters[0]?.reason, 'handler_timeout');
  ana.expectNoReply();
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

test('answers once though Meta repeats, puts off or loses, and though a process dies', async () => {
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
