import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import { checkOutbound } from '../../src/core/message-limits.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import { card, cards, LIMITS, LINK, like, row, templateCard, times } from '../support/outbound-limits.ts';
import { ALL_SAMPLES, SAMPLES } from '../support/outbound-samples.ts';

function check(content: OutboundContent): void {
  const to = { groupId: 'group-1' };
  checkOutbound({ phoneNumberId: '106540352242922', to, content });
}

function contact(changes: object): unknown {
  return { type: 'contacts', contacts: [{ name: { formatted: 'A' }, ...changes }] };
}

function refusal(content: unknown): string {
  try {
    check(content as OutboundContent);
  } catch (error) {
    if (isWahookError(error, 'invalid_message')) return error.message;
    throw error;
  }
  throw new Error('the message was passed');
}

describe('A limit of Meta', () => {
  for (const [field, min, max, build] of LIMITS) {
    const { type } = build(max);
    it(`holds for ${field} (${type}): ${min} to ${max}`, () => {
      for (const size of [min, Math.min(min + 1, max), max - 1, max]) check(build(size));
      for (const size of [min - 1, max + 1]) {
        if (size === -1 && min === 0 && field !== 'the index of a button of the template') continue;
        const words = refusal(build(size));
        expect(words, `at ${size}`).to.include(field).and.to.include(`${max}`);
        expect(words, `at ${size}`).to.match(new RegExp(`(has|these are|this is) ${size}\\b`));
      }
    });
  }

  it('holds for the rows and products of all sections together', () => {
    const rows = (count: number) =>
      like('list', {
        sections: ['A', 'B'].map((title, half) => ({ title, rows: times(count / 2, (i) => row({}, 2 * i + half)) })),
      });
    const products = (count: number) =>
      like('productList', { sections: ['A', 'B'].map((title) => ({ title, products: times(count / 2, String) })) });
    check(rows(10));
    check(products(30));
    expect(refusal(rows(12))).to.include('the rows of all sections together must be 1 to 10, these are 12');
    expect(refusal(products(32))).to.include('the products of all sections together must be 1 to 30, these are 32');
  });

  it('does not quote what is over it', () => {
    for (const [, , max, build] of LIMITS) {
      try {
        check(build(max + 1));
      } catch (error) {
        expect((error as Error).message).not.to.include('xxxx');
      }
    }
  });
});

describe('A message of every type', () => {
  for (const content of ALL_SAMPLES) it(`passes: ${content.type}`, () => check(content));

  /** What the compiler refuses too, but a bot in JavaScript may do. */
  const wrong: readonly [what: string, content: unknown, words: string][] = [
    ['an unknown type', { type: 'poll' }, 'its type is not known; known are address, audio, buttons,'],
    ['no type', {}, 'its type is not known'],
    ['an inherited name as type', { type: 'toString' }, 'its type is not known'],
    ['a file without id and link', { type: 'image' }, 'an image needs an id or a link, and not both'],
    ['a file with both', { type: 'video', id: '1', link: LINK }, 'a video needs an id or a link, and not both'],
    ['an empty id', { type: 'audio', id: '' }, 'the id of an audio is empty'],
    ['an id that is a number', { type: 'sticker', id: 7 }, 'the id of a sticker is not a text but of type number'],
    [
      'a link over http',
      { type: 'document', link: 'http://example.com' },
      'the link of a document must be an https address',
    ],
    ['a path as filename', like('document', { filename: '../a.pdf' }), 'must not hold a path'],
    ['an empty filename', like('document', { filename: '' }), 'the filename of a document is empty'],
    ['a latitude that is none', { type: 'location', latitude: Number.NaN, longitude: 1 }, 'the latitude of a location'],
    [
      'a latitude as text',
      { type: 'location', latitude: '1', longitude: 1 },
      'a number from -90 to 90, this is string',
    ],
    ['contacts that are no list', { type: 'contacts', contacts: {} }, 'the contacts are not a list'],
    ['a contact that is nothing', { type: 'contacts', contacts: [null] }, 'number 1 of the contacts is missing'],
    ['a contact without a name', { type: 'contacts', contacts: [{}] }, 'name.formatted of contact 1'],
    [
      'a phone without number',
      like('contacts', { contacts: [{ name: { formatted: 'A' }, phones: [{ phone: '' }] }] }),
      'a phone of contact 1',
    ],
    ['phones that are a text', contact({ phones: '' }), 'the phones of contact 1 are not a list but of type string'],
    ['emails that are an object', contact({ emails: {} }), 'the emails of contact 1 are not a list but of type object'],
    [
      'a url that is a text',
      contact({ urls: ['x'] }),
      'number 1 of the urls of contact 1 is not an object but of type',
    ],
    [
      'an address that is nothing',
      contact({ addresses: [{ city: 'Lisbon' }, null] }),
      'number 2 of the addresses of contact 1 is not an object but null',
    ],
    [
      'another birthday',
      like('contacts', { contacts: [{ name: { formatted: 'A' }, birthday: '1.1.90' }] }),
      '1990-12-31',
    ],
    ['a reaction to nothing', { type: 'reaction', messageId: '' }, 'the messageId of a reaction'],
    ['two emojis', { type: 'reaction', messageId: 'wamid.x', emoji: '👍👍' }, 'one emoji, this one has 2 characters'],
    ['a letter', { type: 'reaction', messageId: 'wamid.x', emoji: 'a' }, 'one emoji'],
    ['no emoji', { type: 'reaction', messageId: 'wamid.x', emoji: '' }, 'the emoji of a reaction is empty'],
    ['half a day', like('pin', { days: 1.5 }), 'a whole number'],
    ['a header of another kind', like('buttons', { header: { audio: {} } as never }), 'a video or a document'],
    [
      'a header with two files',
      like('buttons', { header: { image: { link: LINK }, video: { link: LINK } } as never }),
      'must be a text, or an object',
    ],
    ['a header that is a number', like('buttons', { header: 7 as never }), 'is not a text but of type number'],
    ['a spaced id', like('buttons', { buttons: [{ id: ' a', title: 'A' }] }), 'must not begin or end with a space'],
    ['a picture above a list', like('list', { header: { image: { link: LINK } } as never }), 'must be a text'],
    [
      'two sections without titles',
      like('list', { sections: [{ rows: [row()] }, { rows: [row({}, 1)] }] }),
      'section 1',
    ],
    ['a section without rows', like('list', { sections: [{} as never] }), 'the rows of section 1 are not a list'],
    ['two rows of one id', like('list', { sections: [{ rows: [row(), row()] }] }), 'the ids of the rows must differ'],
    ['a link that is none', like('link', { button: { title: 'A', url: 'shop' } }), 'must be an https or http address'],
    ['a link without button', like('link', { button: undefined as never }), 'must have a title and a url'],
    ['no Flow', { type: 'flow', text: 'a', button: 'b' }, 'a flowId or a flowName, and not both'],
    ['two Flows', { type: 'flow', text: 'a', button: 'b', flowId: '1', flowName: 'a' }, 'a flowId or a flowName'],
    ['an exchange with a screen', like('flow', { flowId: '1', screen: 'A', exchange: true }), 'takes no screen'],
    ['data without a screen', { type: 'flow', text: 'a', button: 'b', flowId: '1', data: { a: 1 } }, 'need the screen'],
    [
      'empty data',
      { type: 'flow', text: 'a', button: 'b', flowId: '1', screen: 'A', data: {} },
      'data of a Flow are empty',
    ],
    ['another country', like('address', { country: 'India' }), 'two capital letters'],
    ['errors of nothing', { type: 'address', text: 'a', country: 'IN', errors: { city: 'x' } }, 'need the values'],
    ['a saved address without id', like('address', { saved: [{ id: '', value: {} }] }), 'the id of a saved address'],
    ['a product without catalog', { type: 'product', productId: 'a' }, 'the catalogId of a product'],
    ['a product without id', { type: 'product', catalogId: 'a', productId: '' }, 'the productId of a product is empty'],
    [
      'a product list under a picture',
      like('productList', { header: { image: { link: LINK } } as never }),
      'must be a text',
    ],
    ['an empty product id', like('productList', { sections: [{ products: [''] }] }), 'the id of product 1 is empty'],
    ['an empty thumbnail', like('catalog', { thumbnail: '' }), 'the thumbnail of a catalog is empty'],
    ['a product twice', like('productCarousel', { products: ['a', 'a'] }), 'the products must differ'],
    [
      'cards of two kinds',
      like('carousel', { cards: [card(), card({ action: [{ id: 'a', title: 'A' }] })] }),
      'equally many',
    ],
    ['a card with a document', cards({ header: { document: { id: '1' } } as never }), 'an image or a video'],
    ['a card with three line breaks', cards({ text: 'a\nb\nc\nd' }), 'at most 2 line breaks, this one has 3'],
    ['a card without buttons', cards({ action: [] }), 'card 1 has no button'],
    [
      'a template without language',
      { type: 'template', name: 'a', language: '' },
      'the language of the template is empty',
    ],
    [
      "Meta's components",
      { type: 'template', name: 'a', language: 'en', components: [] },
      'not the components of Meta',
    ],
    ['values that are a text', like('template', { body: 'Ana' as never }), 'must be a list, or an object by name'],
    ['a value of another kind', like('template', { body: [{ image: {} } as never] }), 'currency or dateTime'],
    ['a value without a name', like('template', { body: { '': 'Ana' } }), 'the name of a value'],
    [
      'a currency that is none',
      like('template', { body: [{ currency: { code: '€', amount: 1, fallback: 'a' } }] }),
      'three capital letters',
    ],
    [
      'half an amount',
      like('template', { body: [{ currency: { code: 'EUR', amount: 0.5, fallback: 'a' } }] }),
      'a whole number of thousandths',
    ],
    ['a date without words', like('template', { body: [{ dateTime: { fallback: '' } }] }), 'the fallback of value 1'],
    ['an unknown header', like('template', { header: { audio: {} } as never }), 'the header of the template must be'],
    ['a header that is a text', like('template', { header: 'Hi' as never }), 'the header of the template must be'],
    ['an unknown button', like('template', { buttons: [{ type: 'phone' } as never] }), 'the type of button 1'],
    [
      'an empty payload',
      like('template', { buttons: [{ type: 'quickReply', payload: '' }] }),
      'the payload of button 1',
    ],
    [
      'two buttons of one index',
      like('template', {
        buttons: [
          { type: 'url', text: 'a', index: 1 },
          { type: 'url', text: 'b' },
        ],
      }),
      'must differ',
    ],
    ['an offer without an end', like('template', { offerEndsAtMs: 0 }), 'offerEndsAtMs must be a number from 1'],
    ['a card without header', like('template', { carousel: [{} as never, templateCard()] }), 'the header of card 1'],
    [
      'a card with a document in a template',
      like('template', { carousel: [{ header: { document: { id: '1' } } } as never, templateCard()] }),
      'the header of card 1',
    ],
  ];
  for (const [what, content, words] of wrong)
    it(`is refused with ${what}`, () => {
      expect(refusal(content)).to.include(words);
    });

  it('is refused as a pin outside of a group', () => {
    const message = { sendId: 'a', phoneNumberId: '1', to: { waId: '15550100001' }, content: SAMPLES.pin[0]! };
    expect(() => checkOutbound(message)).to.throw('only in a group');
  });

  it('is refused as a reaction that quotes', () => {
    const to = { waId: '15550100001' };
    const message = { sendId: 'a', phoneNumberId: '1', to, content: SAMPLES.reaction[0]!, replyTo: 'wamid.x' };
    expect(() => checkOutbound(message)).to.throw('cannot quote');
  });

  it('is refused to a number with + or spaces, which is not shown', () => {
    for (const waId of ['+15550100001', '1 555 010 0001']) {
      const message = { sendId: 'a', phoneNumberId: '1', to: { waId }, content: SAMPLES.text[0]! };
      expect(() => checkOutbound(message)).to.throw(/digits of the phone number with its country code, without \+/);
      expect(() => checkOutbound(message)).not.to.throw(waId);
    }
  });
});
