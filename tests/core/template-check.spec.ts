import { expect } from 'chai';
import { MemoryTemplates } from '../../src/adapters/memory/memory-templates.ts';
import type { MessageTemplate } from '../../src/core/message-template.ts';
import type { OutboundMessage } from '../../src/core/model.ts';
import type { ListOptions, TemplateAccount } from '../../src/core/ports/channel.ts';
import { TemplateCheck } from '../../src/core/template-check.ts';
import { RecordingLog } from '../support/recording.ts';

const ORDER: MessageTemplate = {
  ...{ name: 'order', language: 'en_US', status: 'APPROVED', buttons: [] },
  body: { text: 'Order {{1}} {{2}}', places: ['1', '2'] },
};

type Message = Pick<OutboundMessage, 'phoneNumberId' | 'content' | 'fallback'>;

function open() {
  const store = new MemoryTemplates();
  store.put('77', [ORDER]);
  const asked: (ListOptions | undefined)[] = [];
  const source = {
    list: (account: TemplateAccount, options?: ListOptions) => {
      asked.push(options);
      return store.list(account);
    },
  };
  const log = new RecordingLog();
  const accounts = new Map([
    ['1065', '77'],
    ['2077', '88'],
  ]);
  const check = new TemplateCheck(source, (id) => accounts.get(id), log);
  const problemWith = (message: Partial<Message>, signal?: AbortSignal) =>
    check.problemWith({ phoneNumberId: '1065', content: { type: 'text', text: 'hi' }, ...message }, signal);
  return { problemWith, asked, log, store };
}

const template = (...body: string[]) => ({ type: 'template', name: 'order', language: 'en_US', body }) as const;

describe('The check of templates that other programs send', () => {
  it('finds nothing wrong with parts that fit, and asks for nothing where no template is named', async () => {
    const { problemWith, asked } = open();
    expect(await problemWith({})).to.equal(undefined);
    expect(asked).to.deep.equal([]);
    expect(await problemWith({ content: template('1042', 'is late') })).to.equal(undefined);
    expect(asked).to.deep.equal([{ optional: true }]);
  });

  it('says what is wrong, of the message and of its fallback, without a value', async () => {
    const { problemWith } = open();
    const wrong = 'The template order (en_US) cannot be sent: its body takes 2 ({{1}}, {{2}}), but 1 is given';
    expect(await problemWith({ content: template('canary') })).to.equal(wrong);
    expect(await problemWith({ fallback: { template: 'order', language: 'en_US', body: ['canary'] } })).to.equal(wrong);
    expect(await problemWith({ fallback: { template: 'order', language: 'pt_BR' } })).to.equal(
      'The template order (pt_BR) cannot be sent: it is there in en_US only',
    );
  });

  it('hides no mistake of its own behind a list that is not there', async () => {
    const source = { list: () => Promise.reject(new TypeError('a bug')) };
    const check = new TemplateCheck(source, () => '77', new RecordingLog());
    const failed = check
      .problemWith({ phoneNumberId: '1065', content: template('1042') })
      .catch((error: unknown) => error);
    expect(await failed).to.be.instanceOf(TypeError);
  });

  it('refuses nothing by a list that may be old', async () => {
    const { problemWith, asked, store } = open();
    store.put('77', []);
    expect(await problemWith({ content: template('1042', 'is late') })).to.match(/no template of this name/);
    expect(asked).to.deep.equal([{ optional: true }, { optional: true, notOlderThanMs: 10_000 }]);
  });

  it('can do without the templates, and waits no longer than its caller', async () => {
    const { problemWith, asked, store } = open();
    store.put('77', []);
    const { signal } = new AbortController();
    await problemWith({ content: template() }, signal);
    for (const options of asked) expect(options).to.include({ optional: true, signal });
  });

  it('leaves to Meta what cannot be told, and logs that', async () => {
    const { problemWith, log } = open();
    expect(await problemWith({ phoneNumberId: '300', content: template() })).to.equal(undefined);
    expect(log.lines).to.deep.equal([]);
    expect(await problemWith({ phoneNumberId: '2077', content: template('canary') })).to.equal(undefined);
    expect(log.lines.map(({ message }) => message)).to.deep.equal(['A template is sent unchecked']);
    expect(JSON.stringify(log.lines)).not.to.contain('canary');
  });
});
