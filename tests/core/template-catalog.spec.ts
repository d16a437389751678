import { expect } from 'chai';
import { isWahookError, WahookError } from '../../src/core/errors.ts';
import type { MessageTemplate } from '../../src/core/message-template.ts';
import type { TemplateAccount } from '../../src/core/ports/channel.ts';
import { TemplateCatalog } from '../../src/core/template-catalog.ts';
import { rejection } from '../simulator/rejection.ts';

const ACCOUNT: TemplateAccount = { businessAccountId: '1', phoneNumberId: '11' };
const TEMPLATE: MessageTemplate = { name: 'a', language: 'en', status: 'APPROVED', buttons: [] };

function open() {
  const asked: string[] = [];
  const world = { nowMs: 0, fails: false, answer: Promise.resolve() };
  const source = {
    list: async ({ businessAccountId }: TemplateAccount) => {
      asked.push(businessAccountId);
      await world.answer;
      if (world.fails) throw new WahookError('templates_unavailable', 'not now');
      return [TEMPLATE];
    },
  };
  return { asked, world, catalog: new TemplateCatalog(source, { now: () => world.nowMs }, 20) };
}

describe('TemplateCatalog', () => {
  it('asks once for many callers, and again after five minutes', async () => {
    const { asked, world, catalog } = open();
    await Promise.all(Array.from({ length: 20 }, () => catalog.list(ACCOUNT)));
    world.nowMs = 299_999;
    expect(await catalog.list(ACCOUNT)).to.deep.equal([TEMPLATE]);
    expect(asked).to.have.length(1);
    world.nowMs = 300_000;
    await catalog.list(ACCOUNT);
    expect(asked).to.have.length(2);
  });

  it('asks again for whom the list is too old', async () => {
    const { asked, world, catalog } = open();
    await catalog.list(ACCOUNT);
    world.nowMs = 9_999;
    await catalog.list(ACCOUNT, { notOlderThanMs: 10_000 });
    expect(asked).to.have.length(1);
    world.nowMs = 10_000;
    await catalog.list(ACCOUNT, { notOlderThanMs: 10_000 });
    expect(asked).to.have.length(2);
    await catalog.list(ACCOUNT, { notOlderThanMs: 10_000 });
    await catalog.list(ACCOUNT);
    expect(asked, 'for everybody').to.have.length(2);
  });

  it('asks anew though an answer fails that was forgotten while it was under way', async () => {
    const { asked, world, catalog } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(world, { answer: promise, fails: true });
    const failing = rejection(catalog.list(ACCOUNT, { optional: true }));
    catalog.heard({ field: 'message_template_status_update', businessAccountId: '1' });
    resolve();
    expect(await failing).to.be.instanceOf(WahookError);
    Object.assign(world, { answer: Promise.resolve(), fails: false });
    expect(await catalog.list(ACCOUNT)).to.deep.equal([TEMPLATE]);
    expect(asked).to.have.length(2);
  });

  it('remembers no failure for those who need the templates', async () => {
    const { asked, world, catalog } = open();
    world.fails = true;
    const failures = await Promise.allSettled([catalog.list(ACCOUNT), catalog.list(ACCOUNT)]);
    expect(failures.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    world.fails = false;
    expect(await catalog.list(ACCOUNT)).to.deep.equal([TEMPLATE]);
    expect(asked).to.have.length(2);
  });

  describe('for those who can do without the templates', () => {
    const OPTIONAL = { optional: true };
    const NOT_NOW = /not now/;
    const LATE = /takes too long/;

    it('remembers a failure for half a minute, however many ask', async () => {
      const { asked, world, catalog } = open();
      world.fails = true;
      for (const nowMs of [0, 1, 29_999]) {
        world.nowMs = nowMs;
        expect((await rejection(catalog.list(ACCOUNT, OPTIONAL))).message).to.match(NOT_NOW);
      }
      expect(asked).to.have.length(1);
      world.nowMs = 30_000;
      world.fails = false;
      expect(await catalog.list(ACCOUNT, OPTIONAL)).to.deep.equal([TEMPLATE]);
    });

    it('forgets a failure as soon as somebody who needs them gets them', async () => {
      const { world, catalog } = open();
      world.fails = true;
      await rejection(catalog.list(ACCOUNT, OPTIONAL));
      world.fails = false;
      await catalog.list(ACCOUNT);
      expect(await catalog.list(ACCOUNT, OPTIONAL)).to.deep.equal([TEMPLATE]);
    });

    it('waits for a short time, and for half a minute not again, unless the answer comes after all', async () => {
      const { asked, world, catalog } = open();
      const { promise, resolve } = Promise.withResolvers<void>();
      world.answer = promise;
      const all = await Promise.all([1, 2, 3].map(() => rejection(catalog.list(ACCOUNT, OPTIONAL))));
      for (const error of all) expect(isWahookError(error, 'templates_unavailable')).to.equal(true);
      let settled = false;
      const next = rejection(catalog.list(ACCOUNT, OPTIONAL)).finally(() => {
        settled = true;
      });
      await new Promise(setImmediate);
      expect(settled, 'without waiting').to.equal(true);
      expect((await next).message).to.match(LATE);
      const patient = catalog.list(ACCOUNT);
      resolve();
      expect(await patient).to.deep.equal([TEMPLATE]);
      expect(await catalog.list(ACCOUNT, OPTIONAL)).to.deep.equal([TEMPLATE]);
      expect(asked, 'for everybody').to.have.length(1);
    });
  });

  it("ends the waiting of one caller by its signal, and nobody else's", async () => {
    const { asked, world, catalog } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.answer = promise;
    const other = catalog.list(ACCOUNT);
    const stop = new AbortController();
    const stopped = rejection(catalog.list(ACCOUNT, { signal: stop.signal }));
    stop.abort(new Error('the run is over'));
    expect((await stopped).message).to.equal('the run is over');
    expect((await rejection(catalog.list(ACCOUNT, { signal: stop.signal }))).message).to.equal('the run is over');
    resolve();
    expect(await other).to.deep.equal([TEMPLATE]);
    expect(asked).to.have.length(1);
  });

  for (const field of [
    'message_template_status_update',
    'message_template_components_update',
    'template_category_update',
  ])
    it(`asks again when ${field} has come for the account, also while an answer is under way`, async () => {
      const { asked, catalog } = open();
      const underWay = catalog.list(ACCOUNT);
      catalog.heard({ field, businessAccountId: '2' });
      await catalog.list(ACCOUNT);
      expect(asked, 'of another account').to.have.length(1);
      catalog.heard({ field, businessAccountId: '1' });
      await underWay;
      await catalog.list(ACCOUNT);
      expect(asked).to.have.length(2);
    });

  it('asks no more for an event about something else', async () => {
    const { asked, catalog } = open();
    await catalog.list(ACCOUNT);
    catalog.heard({ field: 'account_update', businessAccountId: '1' });
    await catalog.list(ACCOUNT);
    expect(asked).to.have.length(1);
  });

  it('keeps the accounts apart, and a hundred of them', async () => {
    const { asked, catalog } = open();
    const of = (id: number) => catalog.list({ businessAccountId: String(id), phoneNumberId: '11' });
    for (let id = 0; id <= 100; id += 1) await of(id);
    await of(1);
    expect(asked).to.have.length(101);
    await of(0);
    expect(asked).to.have.length(102);
  });
});
