import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import type { MessageTemplate } from '../../src/core/message-template.ts';
import type { TemplateAccount, TemplateSource } from '../../src/core/ports/channel.ts';

export interface OpenTemplateSource {
  readonly source: TemplateSource;
  readonly account: TemplateAccount;
  /** Has the account have these, besides whatever it has. */
  add(templates: readonly MessageTemplate[]): void;
  close(): Promise<void>;
}

function plain(name: string, over: Partial<MessageTemplate> = {}): MessageTemplate {
  const body = { text: 'Hi {{1}}, it is {{2}}.', places: ['1', '2'] };
  return { name, language: 'en_US', status: 'APPROVED', category: 'UTILITY', body, buttons: [], ...over };
}

/** What every TemplateSource promises. `open` gives a fresh one for each test. */
export function templateSourceContract(open: () => Promise<OpenTemplateSource>): void {
  let opened: OpenTemplateSource;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  const listed = async (prefix: string) => {
    const all = await opened.source.list(opened.account);
    return all.filter(({ name }) => name.startsWith(prefix)).map(({ id: _, ...template }) => template);
  };

  it('lists templates with their languages and statuses, in their order', async () => {
    const templates = [plain('own_a'), plain('own_a', { language: 'pt_BR' }), plain('own_b', { status: 'REJECTED' })];
    opened.add(templates);
    expect(await listed('own_')).to.deep.equal(templates);
  });

  it('tells what each part must be filled with: by number, by name, a file, buttons, cards, an offer', async () => {
    const text = 'Hi {{customer}}, {{percent}} off for {{customer}}.';
    const card = {
      header: { format: 'VIDEO', places: [] },
      body: { text: 'Now {{1}}', places: ['1'] },
      buttons: [{ type: 'URL', text: 'Open', hasPlace: true }],
    };
    const whole = plain('own_whole', {
      footer: 'Write stop',
      header: { format: 'TEXT', places: ['day'] },
      body: { text, places: ['customer', 'percent'] },
      buttons: [
        { type: 'QUICK_REPLY', text: 'Stop', hasPlace: false },
        { type: 'URL', text: 'Look', hasPlace: true },
        { type: 'URL', text: 'Home', hasPlace: false },
        { type: 'COPY_CODE', text: 'Copy', hasPlace: false },
      ],
      offer: { ends: true },
    });
    const cards = plain('own_cards', { cards: [card, card] });
    const picture = plain('own_picture', { header: { format: 'IMAGE', places: [] } });
    opened.add([whole, cards, picture]);
    expect(await listed('own_')).to.deep.equal([whole, cards, picture]);
  });

  it('lists all of many', async () => {
    const many = Array.from({ length: 120 }, (_, index) => plain(`own_${index}`));
    opened.add(many);
    expect((await listed('own_')).map(({ name }) => name)).to.deep.equal(many.map(({ name }) => name));
  });

  it('gives away nothing that a caller could change', async () => {
    opened.add([plain('own_a')]);
    const [first] = await opened.source.list(opened.account);
    (first as { status: string }).status = 'CHANGED';
    for (const { status } of await opened.source.list(opened.account)) expect(status).not.to.equal('CHANGED');
  });

  it('says that the templates of another account cannot be had', async () => {
    const error = await opened.source.list({ ...opened.account, businessAccountId: '999' }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isWahookError(error, 'templates_unavailable'), String(error)).to.equal(true);
  });
}
