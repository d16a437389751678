import { expect } from 'chai';
import { WahookError } from '../../src/core/errors.ts';
import type { MessageTemplate } from '../../src/core/message-template.ts';
import type { TemplateAccount } from '../../src/core/ports/channel.ts';
import { TemplateCatalog } from '../../src/core/template-catalog.ts';

const ACCOUNT: TemplateAccount = { businessAccountId: '1', phoneNumberId: '11' };
const TEMPLATE: MessageTemplate = { name: 'a', language: 'en', status: 'APPROVED', buttons: [] };

function open() {
  const asked: string[] = [];
  const world = { nowMs: 0, fails: false };
  const source = {
    list: async ({ businessAccountId }: TemplateAccount) => {
      asked.push(businessAccountId);
      await Promise.resolve();
      if (world.fails) throw new WahookError('templates_unavailable', 'not now');
      return [TEMPLATE];
    },
  };
  return { asked, world, catalog: new TemplateCatalog(source, { now: () => world.nowMs }) };
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

  it('remembers no failure', async () => {
    const { asked, world, catalog } = open();
    world.fails = true;
    const failures = await Promise.allSettled([catalog.list(ACCOUNT), catalog.list(ACCOUNT)]);
    expect(failures.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    world.fails = false;
    expect(await catalog.list(ACCOUNT)).to.deep.equal([TEMPLATE]);
    expect(asked).to.have.length(2);
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
