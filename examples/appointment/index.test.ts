import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import bot from './index.ts';

/** The calendar is outside of the bot, so each test takes times of its own. */
async function salon() {
  const t = await testBot(bot);
  return { t, ana: t.customer({ name: 'Ana' }) };
}

test('books in three steps: buttons, a list, a text', async () => {
  const { t, ana } = await salon();
  await ana.says('Book');
  ana.expectReply().text('What can we do for you?').buttons('Haircut', 'Colour', 'Beard');
  await ana.taps('Haircut');
  ana.expectReply().list('tue', 'wed', 'thu', 'fri');
  await ana.picks('Wednesday');
  ana.expectReply().text(/^At what time/);
  await ana.says('9.30');
  ana.expectReply().text('See you: Haircut on Wednesday at 09:30.').times(1);
  await ana.says('book');
  ana.expectReply().text(/^You have one: Haircut/);
  t.expectNothingPending();
});

test('takes names for taps, asks again what is no answer, and lets nobody have what is taken', async () => {
  const { ana } = await salon();
  await ana.says('book');
  await ana.says('what?');
  ana.expectReply().buttons('cut', 'colour', 'beard').times(1);
  await ana.says('beard');
  await ana.sends({ type: 'image' });
  ana.expectReply().list('tue', 'wed', 'thu', 'fri').times(1);
  await ana.says('tuesday');
  await ana.says('at night');
  ana.expectReply().text(/^I did not get that/);
  await ana.says('9');
  ana.expectReply().text(/^Somebody was faster/);
  await ana.says('10');
  ana.expectReply().text('See you: Beard on Tuesday at 10:00.');
});

test('cancels in the middle, and afterwards', async () => {
  const { ana } = await salon();
  await ana.says('cancel');
  ana.expectReply().text('There is nothing to cancel.');
  await ana.says('book');
  await ana.taps('Colour');
  await ana.says('Cancel');
  ana.expectReply().text('All right, nothing is booked.').times(1);
  await ana.says('thursday');
  ana.expectReply().text(/^Write "book"/);
  for (const _ of ['booked', 'and once more, since it was given back']) {
    await ana.says('book');
    await ana.taps('Colour');
    await ana.picks('thu');
    await ana.says('11:00');
    ana.expectReply().text(/^See you: Colour on Thursday/);
    await ana.says('cancel');
    ana.expectReply().text('Cancelled: Colour on Thursday at 11:00.');
  }
});

test('a question that nobody answers within a quarter of an hour is forgotten', async () => {
  const { t, ana } = await salon();
  await ana.says('book');
  await t.clock.advance('14m');
  await ana.taps('Haircut');
  ana.expectReply().list('tue', 'wed', 'thu', 'fri');
  await t.clock.advance('16m');
  await ana.picks('Friday');
  ana
    .expectReply()
    .text(/^Write "book"/)
    .times(1);
});

test('two customers at once, whose processes die: each has an own time, and one appointment', async () => {
  const { t, ana } = await salon();
  const bo = t.customer({ name: 'Bo', userId: 'US.4711' });
  for (const customer of [ana, bo]) {
    await customer.says('book');
    await customer.taps('cut');
    await customer.picks('fri');
  }
  t.faults.crash();
  await ana.says('12:00');
  ana.expectReply().text('See you: Haircut on Friday at 12:00.').times(1);
  await bo.says('12:00');
  bo.expectReply().text(/^Somebody was faster/);
  t.faults.duplicate(2);
  await bo.says('12:30');
  bo.expectReply().text('See you: Haircut on Friday at 12:30.').times(1);
  assert.deepEqual(t.deadLetters, []);
});
