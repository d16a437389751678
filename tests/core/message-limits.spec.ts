import { expect } from 'chai';
import { isWahookError, WahookError } from '../../src/core/errors.ts';
import { checkOutbound } from '../../src/core/message-limits.ts';
import type { Json, Recipient } from '../../src/core/model.ts';
import type { ContentOf, Fallback, OutboundContent, ReplyButton } from '../../src/core/outbound-content.ts';

const TO: Recipient = { waId: '15550100001' };

function check(content: OutboundContent, to: Recipient = TO): void {
  checkOutbound({ phoneNumberId: '106540352242922', to, content });
}

/** The message of the refusal; fails if there is none. */
function refusal(content: OutboundContent, to: Recipient = TO): string {
  try {
    check(content, to);
  } catch (error) {
    if (isWahookError(error, 'invalid_message')) return error.message;
    throw error;
  }
  throw new Error('the message was passed');
}

const FLOW: ContentOf<'flow'> = { type: 'flow', text: 'Book', button: 'Book', flowId: '1', screen: 'FIRST' };

const text = (length: number): OutboundContent => ({ type: 'text', text: 'a'.repeat(length) });
const image = (link: string, caption?: string): OutboundContent => ({
  type: 'image',
  link,
  ...(caption !== undefined && { caption }),
});
const button = (number: number): ReplyButton => ({ id: `id-${number}`, title: `Title ${number}` });
const buttons = (
  list: readonly ReplyButton[],
  over: { readonly text?: string; readonly header?: string; readonly footer?: string } = {},
): OutboundContent => ({ type: 'buttons', text: 'Which one?', buttons: list, ...over });

describe('checkOutbound', () => {
  describe('a fallback', () => {
    const FALLBACK: Fallback = { template: 'we_miss_you', language: 'en_US', body: ['Ana'] };
    const checkWith = (fallback: unknown, content: OutboundContent = text(1), to = TO) =>
      checkOutbound({ phoneNumberId: '106540352242922', to, content, fallback: fallback as Fallback });

    it('passes as a template does, in a group too', () => {
      checkWith(FALLBACK);
      checkWith({ ...FALLBACK, template: 'a'.repeat(512), buttons: [{ type: 'quickReply', payload: 'yes' }] });
      checkWith(FALLBACK, text(1), { groupId: 'group-1' });
    });

    for (const [what, fallback, reason] of [
      ['without a language', { template: 'we_miss_you' }, /the language of the template is not a text/],
      ['without a name', { language: 'en_US' }, /the name of the template must have 1 to 512 characters.* has 0/],
      ['with a name that is too long', { ...FALLBACK, template: 'a'.repeat(513) }, /has 513; shorten it by 1/],
      ['with a value that is empty', { ...FALLBACK, body: [''] }, /value 1 in the body of the template .* has 0/],
      ['with a field that nobody knows', { ...FALLBACK, name: 'x' }, /has a field "name"; it takes template, language/],
      ['with half an emoji', { ...FALLBACK, body: ['\ud83d'] }, /half of a character/],
      ['that is no object', 'we_miss_you', /must be an object with template and language/],
      ['that is null', null, /must be an object with template and language/],
    ] as const)
      it(`is refused ${what}`, () => {
        expect(() => checkWith(fallback))
          .to.throw(WahookError, reason)
          .with.property('code', 'invalid_message');
      });

    it('is refused for a template, which needs none', () => {
      const template: OutboundContent = { type: 'template', name: 'order', language: 'en_US' };
      expect(() => checkWith(FALLBACK, template)).to.throw(WahookError, /a template needs no fallback/);
    });
  });

  describe('a text', () => {
    it('passes from 1 to 4096 characters', () => {
      check(text(1));
      check(text(4096));
    });

    it('is refused when it is empty or longer, with the limit and its length', () => {
      expect(refusal(text(0)))
        .to.include('1 to 4096')
        .and.include('has 0');
      expect(refusal(text(4097)))
        .to.include('1 to 4096')
        .and.include('has 4097');
    });

    it('is refused when it is missing or no text, as an untyped bot may have it', () => {
      expect(refusal({ type: 'text' } as OutboundContent)).to.contain('this one has 0');
      expect(refusal({ type: 'text', text: 42 } as unknown as OutboundContent)).to.contain('of type number');
    });

    it('is measured in UTF-16 units, of which an emoji has two', () => {
      check({ type: 'text', text: '😀'.repeat(2048) });
      expect(refusal({ type: 'text', text: '😀'.repeat(2049) })).to.include('has 4098');
    });

    it('is not quoted by the refusal', () => {
      expect(refusal({ type: 'text', text: 'secret '.repeat(1000) })).not.to.include('secret');
    });
  });

  describe('an image', () => {
    it('passes with an https link and a caption of at most 1024 characters', () => {
      check(image('https://example.com/a.png'));
      check(image('https://example.com/a.png', 'a'.repeat(1024)));
    });

    for (const link of ['http://example.com/a.png', 'data:image/png;base64,AAAA', 'file:///etc/passwd', 'a.png', '']) {
      it(`is refused with the link "${link}"`, () => {
        expect(refusal(image(link)))
          .to.include('https')
          .and.not.include('example.com');
      });
    }

    it('is refused with a longer caption', () => {
      expect(refusal(image('https://example.com/a.png', 'a'.repeat(1025))))
        .to.include('1024')
        .and.include('1025');
    });
  });

  describe('a template', () => {
    it('passes with a name and a language', () => {
      check({ type: 'template', name: 'order_ready', language: 'en_US' });
    });

    it('is refused without a name or without a language', () => {
      expect(refusal({ type: 'template', name: '', language: 'en_US' })).to.include('name');
      expect(refusal({ type: 'template', name: 'order_ready', language: '' })).to.include('language');
    });
  });

  describe('buttons', () => {
    it('pass from one to three', () => {
      check(buttons([button(1)]));
      check(buttons([button(1), button(2), button(3)]));
    });

    it('are refused when there are none or four', () => {
      expect(refusal(buttons([])))
        .to.include('1 to 3')
        .and.include('these are 0');
      expect(refusal(buttons([1, 2, 3, 4].map(button))))
        .to.include('1 to 3')
        .and.include('these are 4');
    });

    it('pass at the limits of each part', () => {
      const full = { id: 'i'.repeat(256), title: 't'.repeat(20) };
      check(buttons([full], { text: 'a'.repeat(1024), header: 'h'.repeat(60), footer: 'f'.repeat(60) }));
      check(buttons([{ id: 'i', title: 't' }], { text: 'a', header: '', footer: '' }));
    });

    const oneTooLong: readonly [string, OutboundContent, string][] = [
      ['an empty title', buttons([{ id: 'a', title: '' }]), '1 to 20'],
      ['a title of 21', buttons([{ id: 'a', title: 't'.repeat(21) }]), '1 to 20'],
      ['an empty id', buttons([{ id: '', title: 'A' }]), '1 to 256'],
      ['an id of 257', buttons([{ id: 'i'.repeat(257), title: 'A' }]), '1 to 256'],
      ['no text', buttons([button(1)], { text: '' }), '1 to 1024'],
      ['a text of 1025', buttons([button(1)], { text: 'a'.repeat(1025) }), '1 to 1024'],
      ['a header of 61', buttons([button(1)], { header: 'h'.repeat(61) }), '0 to 60'],
      ['a footer of 61', buttons([button(1)], { footer: 'f'.repeat(61) }), '0 to 60'],
    ];
    for (const [what, content, limit] of oneTooLong)
      it(`are refused with ${what}`, () => {
        expect(refusal(content)).to.include(limit);
      });

    it('are refused with a title or an id twice, and neither is quoted', () => {
      const sameTitle = [
        { id: 'a', title: 'Yes' },
        { id: 'b', title: 'Yes' },
      ];
      const sameId = [
        { id: 'order-7', title: 'Yes' },
        { id: 'order-7', title: 'No' },
      ];
      expect(refusal(buttons(sameTitle)))
        .to.include('titles')
        .and.not.include('Yes');
      expect(refusal(buttons(sameId)))
        .to.include('ids')
        .and.not.include('order-7');
    });

    it('name the button that is wrong', () => {
      expect(refusal(buttons([button(1), { id: 'b', title: '' }]))).to.include('button 2');
    });
  });

  describe('whatever it is', () => {
    it('is refused with half of a character, as when an emoji is cut in its middle', () => {
      const title = 'Nineteen letters ok😀'.slice(0, 20);
      expect(refusal(buttons([{ id: 'a', title }]))).to.contain('half of a character');
      expect(refusal({ type: 'template', name: 'a', language: 'en', body: { '\ud800': 'x' } })).to.contain('half');
    });

    it('is refused with U+0000, at any depth', () => {
      expect(refusal({ type: 'text', text: 'a\u0000b' })).to.contain('U+0000');
      expect(refusal({ type: 'template', name: 'a', language: 'en', body: ['\u0000'] })).to.contain('U+0000');
    });

    it('is refused when it is nested deeper than anything sensible', () => {
      let deep: Json = 'x';
      for (let level = 0; level < 100_000; level += 1) deep = [deep];
      expect(refusal({ ...FLOW, data: { deep } })).to.contain('64 levels');
    });

    it('passes with whole emojis, numbers, nulls and nested lists', () => {
      check({ ...FLOW, data: { guests: [{ name: '😀', index: 0, extra: null }] } });
    });
  });

  describe('a recipient', () => {
    for (const to of [{ waId: '15550100001' }, { userId: 'US.1349' }, { groupId: 'group-1' }])
      it(`passes with ${Object.keys(to)}`, () => check(text(1), to));

    for (const to of [{}, { waId: '' }, { userId: '', groupId: '' }])
      it(`is refused as ${JSON.stringify(to)}`, () => {
        expect(refusal(text(1), to)).to.include('recipient');
      });
  });
});
