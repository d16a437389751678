import { expect } from 'chai';
import sinon from 'sinon';
import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { MemorySentMessages } from '../../src/adapters/memory/memory-sent-messages.ts';
import { MemoryServiceWindows } from '../../src/adapters/memory/memory-service-windows.ts';
import { AcceptSend, type SendRequest } from '../../src/core/accept-send.ts';
import { WahookError } from '../../src/core/errors.ts';
import { WINDOW_MS } from '../../src/core/service-window.ts';
import { manualClock } from '../support/recording.ts';

const WROTE_AT_MS = 1_790_000_000_000;
const TO_ANA: SendRequest = {
  ...{ phoneNumberId: '1065', to: { waId: '15550100001' }, content: { type: 'text', text: 'It is ready' } },
};

describe('A message from outside of the bot', () => {
  /** Real stores in memory; Ana has written to the number 1065 once. `agoMs`: how long that is past. */
  const open = (agoMs: number, outsideWindow: 'refuse' | 'try' = 'refuse') => {
    let nowMs = WROTE_AT_MS;
    const clock = { now: () => nowMs };
    const windows = new MemoryServiceWindows(clock);
    windows.opened({ phoneNumberId: '1065', customer: { waId: '15550100001' }, openedAtMs: WROTE_AT_MS });
    nowMs += agoMs;
    const problems: string[] = [];
    const ours = new Set(['1065', '2077']);
    const rows = new MemoryRows();
    const queue = new MemoryMessageQueue(rows);
    const sent = new MemorySentMessages(rows, queue, clock);
    const dedupClock = manualClock();
    const dedup = new MemoryDedupStore(dedupClock);
    const accept = new AcceptSend(dedup, queue, sent, windows, clock, {
      outsideWindow,
      isOurs: (phoneNumberId) => ours.has(phoneNumberId),
      templates: { problemWith: async () => problems[0] },
    });
    const forgetKeys = () => dedupClock.advance(40 * 24 * 60 * 60 * 1000);
    const waiting = async () => (await queue.depth('outbound')).waiting;
    const wait = (ms: number) => {
      nowMs += ms;
    };
    const run = (request: SendRequest, key = 'key') => accept.run(request, key);
    const failing = (error: Error) => sinon.stub(queue, 'publish').rejects(error);
    const inUse = () => sinon.stub(dedup, 'once').resolves({ fresh: [], duplicate: [], busy: ['a key'] });
    return { failing, inUse, run, waiting, wait, forgetKeys, ours, problems };
  };

  it('is refused from the moment on at which the window is closed, and accepted until then', async () => {
    const late = open(WINDOW_MS);
    expect(await late.run(TO_ANA)).to.deep.equal({ outcome: 'window_closed', closedAtMs: WROTE_AT_MS + WINDOW_MS });
    expect(await late.waiting()).to.equal(0);
    const inTime = open(WINDOW_MS - 1);
    expect((await inTime.run(TO_ANA)).outcome).to.equal('accepted');
    expect(await inTime.waiting()).to.equal(1);
  });

  it('leaves its key free when it is refused: the same with a fallback is accepted under it', async () => {
    const { run, waiting } = open(WINDOW_MS);
    await run(TO_ANA);
    const fallback = { template: 'order_ready', language: 'en_US' };
    expect((await run({ ...TO_ANA, fallback })).outcome).to.equal('accepted');
    expect(await waiting()).to.equal(1);
  });

  it('is told the same again after the window was closed, if it was accepted before', async () => {
    const { run, wait, waiting } = open(WINDOW_MS - 1);
    const first = await run(TO_ANA);
    wait(1);
    expect(await run(TO_ANA)).to.deep.equal(first);
    expect((await run(TO_ANA, 'another key')).outcome).to.equal('window_closed');
    expect(await waiting()).to.equal(1);
  });

  it('is refused from a number that is not ours, with its key left free; what was accepted before stays so', async () => {
    const { run, waiting, ours } = open(0);
    const first = await run(TO_ANA);
    ours.delete('1065');
    expect(await run(TO_ANA)).to.deep.equal(first);
    expect(await run(TO_ANA, 'another key')).to.deep.equal({ outcome: 'unknown_number' });
    expect((await run({ ...TO_ANA, phoneNumberId: '2077' }, 'another key')).outcome).to.equal('accepted');
    expect(await waiting()).to.equal(2);
  });

  it('is refused with a template that does not fit, with its key left free; what was accepted before stays so', async () => {
    const { run, waiting, problems } = open(0);
    const first = await run(TO_ANA);
    problems.push('it lacks a part');
    expect(await run(TO_ANA)).to.deep.equal(first);
    expect(await run(TO_ANA, 'another key')).to.deep.equal({ outcome: 'unfit_template', problem: 'it lacks a part' });
    problems.pop();
    expect((await run(TO_ANA, 'another key')).outcome).to.equal('accepted');
    expect(await waiting()).to.equal(2);
  });

  it('is told apart from another one with its key that comes in the same moment', async () => {
    const { run, waiting } = open(0);
    const other = { ...TO_ANA, content: { type: 'text', text: 'Another' } } as const;
    const outcomes = await Promise.all([run(TO_ANA), run(other)]);
    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(['accepted', 'conflict']);
    expect(await waiting()).to.equal(1);
  });

  it('is told to come again while its key is in use', async () => {
    const { run, inUse } = open(0);
    inUse();
    expect(await run(TO_ANA)).to.deep.equal({ outcome: 'busy' });
  });

  it('is not accepted while the store does not answer, and leaves its key free', async () => {
    const { run, failing, waiting } = open(0);
    const stub = failing(new WahookError('storage_unavailable', 'gone'));
    const error = await run(TO_ANA).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'storage_unavailable');
    stub.restore();
    expect((await run(TO_ANA)).outcome).to.equal('accepted');
    expect(await waiting()).to.equal(1);
  });

  it('is told apart from another one with its key for as long as it is kept, also when the key is forgotten', async () => {
    const { run, waiting, forgetKeys } = open(0);
    const first = await run(TO_ANA);
    forgetKeys();
    const { content, ...rest } = TO_ANA;
    expect(await run({ content, ...rest })).to.deep.equal(first);
    expect(await run({ ...TO_ANA, content: { type: 'text', text: 'Another' } })).to.deep.equal({ outcome: 'conflict' });
    expect(await waiting()).to.equal(1);
  });

  for (const [what, request] of [
    ['a template', { content: { type: 'template', name: 'order', language: 'en' } }],
    ['to a group', { to: { groupId: 'group-1' } }],
    ['to somebody of whom nothing is known', { to: { waId: '15550100009' } }],
    ['from a number that the person did not write to', { phoneNumberId: '2077' }],
  ] as const satisfies readonly (readonly [string, Partial<SendRequest>])[])
    it(`is accepted, ${what}`, async () => {
      expect((await open(WINDOW_MS).run({ ...TO_ANA, ...request })).outcome).to.equal('accepted');
    });

  it('is left to Meta where the settings say so', async () => {
    expect((await open(WINDOW_MS, 'try').run(TO_ANA)).outcome).to.equal('accepted');
  });
});
