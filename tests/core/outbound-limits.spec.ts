import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import { checkOutbound } from '../../src/core/message-limits.ts';
import type {
  ContentOf,
  ListRow,
  MediaCard,
  OutboundContent,
  OutboundType,
  TemplateCard,
} from '../../src/core/outbound-content.ts';
import { ALL_SAMPLES, SAMPLES } from '../support/outbound-samples.ts';

function check(content: OutboundContent): void {
  const to = { groupId: 'group-1' };
  checkOutbound({ phoneNumberId: '106540352242922', to, content });
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

const LINK = 'https://example.com/file';
const x = (length: number): string => 'x'.repeat(length);
const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** The full form of a type, with changes. */
function like<Type extends OutboundType>(type: Type, changes: Partial<ContentOf<Type>>): OutboundContent {
  const content: unknown = { ...SAMPLES[type].at(-1), ...changes };
  return content as OutboundContent;
}

const row = (changes: Partial<ListRow> = {}, index = 0): ListRow => ({ id: `row-${index}`, title: 'Row', ...changes });
const oneRow = (changes: Partial<ListRow>): OutboundContent => like('list', { sections: [{ rows: [row(changes)] }] });
const card = (changes: Partial<MediaCard> = {}): MediaCard => ({
  header: { image: { link: LINK } },
  action: { title: 'Open', url: LINK },
  ...changes,
});
const cards = (changes: Partial<MediaCard>): OutboundContent =>
  like('carousel', { cards: [card(changes), card(changes)] });
const templateCard = (): TemplateCard => ({ header: { image: { id: '1' } } });

type Row = readonly [field: string, min: number, max: number, build: (size: number) => OutboundContent];

/** Every limit that has a number: Meta's pages as in meta's copies named in `src/core/*-limits.ts`. */
const LIMITS: readonly Row[] = [
  ['the text', 1, 4096, (n) => like('text', { text: x(n) })],
  ['the caption of an image', 0, 1024, (n) => like('image', { caption: x(n) })],
  ['the caption of a video', 0, 1024, (n) => like('video', { caption: x(n) })],
  ['the caption of a document', 0, 1024, (n) => like('document', { caption: x(n) })],
  ['the contacts', 1, 257, (n) => like('contacts', { contacts: times(n, () => ({ name: { formatted: 'Ana' } })) })],
  ['the days of a pin', 1, 30, (n) => like('pin', { days: n })],
  ['the latitude of a location', -90, 90, (n) => like('location', { latitude: n })],
  ['the longitude of a location', -180, 180, (n) => like('location', { longitude: n })],

  ['the text above buttons', 1, 1024, (n) => like('buttons', { text: x(n) })],
  ['the header above buttons', 0, 60, (n) => like('buttons', { header: x(n) })],
  ['the footer below buttons', 0, 60, (n) => like('buttons', { footer: x(n) })],
  ['the buttons', 1, 3, (n) => like('buttons', { buttons: times(n, (i) => ({ id: `b${i}`, title: `B${i}` })) })],
  ['the title of button 1', 1, 20, (n) => like('buttons', { buttons: [{ id: 'a', title: x(n) }] })],
  ['the id of button 1', 1, 256, (n) => like('buttons', { buttons: [{ id: x(n), title: 'A' }] })],

  ['the text above a list', 1, 4096, (n) => like('list', { text: x(n) })],
  ['the header above a list', 0, 60, (n) => like('list', { header: x(n) })],
  ['the footer below a list', 0, 60, (n) => like('list', { footer: x(n) })],
  ['the button of a list', 1, 20, (n) => like('list', { button: x(n) })],
  ['the sections', 1, 10, (n) => like('list', { sections: times(n, (i) => ({ title: 'S', rows: [row({}, i)] })) })],
  ['the rows of section 1', 1, 10, (n) => like('list', { sections: [{ rows: times(n, (i) => row({}, i)) }] })],
  ['the title of section 1', 1, 24, (n) => like('list', { sections: [{ title: x(n), rows: [row()] }] })],
  ['the id of row 1', 1, 200, (n) => oneRow({ id: x(n) })],
  ['the title of row 1', 1, 24, (n) => oneRow({ title: x(n) })],
  ['the description of row 1', 0, 72, (n) => oneRow({ description: x(n) })],

  ['the text above a link', 1, 1024, (n) => like('link', { text: x(n) })],
  ['the title of the button', 1, 20, (n) => like('link', { button: { title: x(n), url: LINK } })],
  ['the header above a link', 0, 60, (n) => like('link', { header: x(n) })],
  ['the footer below a link', 0, 60, (n) => like('link', { footer: x(n) })],

  ['the text above a Flow', 1, 1024, (n) => like('flow', { text: x(n) })],
  ['the header above a Flow', 0, 60, (n) => like('flow', { header: x(n) })],
  ['the footer below a Flow', 0, 60, (n) => like('flow', { footer: x(n) })],
  ['the button of a Flow', 1, 20, (n) => like('flow', { button: x(n) })],

  ['the text above a location request', 1, 1024, (n) => like('locationRequest', { text: x(n) })],
  ['the text above an address request', 1, 1024, (n) => like('address', { text: x(n) })],
  ['in_pin_code', 0, 6, (n) => like('address', { values: { in_pin_code: x(n) } })],
  ['the text above a product', 0, 1024, (n) => like('product', { text: x(n) })],
  ['the footer below a product', 0, 60, (n) => like('product', { footer: x(n) })],
  ['the text above a product list', 1, 1024, (n) => like('productList', { text: x(n) })],
  ['the header above a product list', 1, 60, (n) => like('productList', { header: x(n) })],
  ['the footer below a product list', 0, 60, (n) => like('productList', { footer: x(n) })],
  ['the sections', 1, 10, (n) => like('productList', { sections: times(n, () => ({ title: 'S', products: ['p'] })) })],
  ['the products of section 1', 1, 30, (n) => like('productList', { sections: [{ products: times(n, String) }] })],
  ['the text above a catalog', 1, 1024, (n) => like('catalog', { text: x(n) })],
  ['the footer below a catalog', 0, 60, (n) => like('catalog', { footer: x(n) })],
  ['the text above a product carousel', 1, 1024, (n) => like('productCarousel', { text: x(n) })],
  ['the products', 2, 10, (n) => like('productCarousel', { products: times(n, String) })],

  ['the text above a carousel', 1, 1024, (n) => like('carousel', { text: x(n) })],
  ['the cards', 2, 10, (n) => like('carousel', { cards: times(n, () => card()) })],
  ['the text of card 1', 0, 160, (n) => cards({ text: x(n) })],
  ['the title of the link of card 1', 1, 20, (n) => cards({ action: { title: x(n), url: LINK } })],
  ['the title of button 1 of card 1', 1, 20, (n) => cards({ action: [{ id: 'a', title: x(n) }] })],
  ['the id of button 1 of card 1', 1, 20, (n) => cards({ action: [{ id: x(n), title: 'A' }] })],

  ['the text above a call permission request', 1, 1024, (n) => like('callPermissionRequest', { text: x(n) })],
  ['the text above a contact request', 1, 1024, (n) => like('contactRequest', { text: x(n) })],
  ['the text above a call button', 1, 1024, (n) => like('voiceCall', { text: x(n) })],
  ['the title of the call button', 1, 20, (n) => like('voiceCall', { button: x(n) })],
  ['the ttlMinutes of the call button', 1, 43_200, (n) => like('voiceCall', { ttlMinutes: n })],
  ['the payload of the call button', 0, 512, (n) => like('voiceCall', { payload: x(n) })],

  ['the name of the template', 1, 512, (n) => like('template', { name: x(n) })],
  ['value 1 in the body of the template', 1, 32_768, (n) => like('template', { body: [x(n)] })],
  [
    'value name in the header of the template',
    1,
    32_768,
    (n) => like('template', { header: { text: { name: x(n) } } }),
  ],
  [
    'the code of button 1 of the template',
    1,
    20,
    (n) => like('template', { buttons: [{ type: 'copyCode', code: x(n) }] }),
  ],
  [
    'the buttons of the template',
    0,
    10,
    (n) => like('template', { buttons: times(n, () => ({ type: 'quickReply', payload: 'a' })) }),
  ],
  [
    'the index of a button of the template',
    0,
    9,
    (n) => like('template', { buttons: [{ type: 'quickReply', index: n, payload: 'a' }] }),
  ],
  ['the cards', 2, 10, (n) => like('template', { carousel: times(n, templateCard) })],
];

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
