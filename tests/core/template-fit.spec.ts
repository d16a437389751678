import { expect } from 'chai';
import { isCalled, type MessageTemplate, placesIn } from '../../src/core/message-template.ts';
import type { TemplateParts } from '../../src/core/outbound-content.ts';
import { misfits } from '../../src/core/template-fit.ts';

function template(over: Partial<MessageTemplate> = {}): MessageTemplate {
  return { name: 'order', language: 'en_US', status: 'APPROVED', buttons: [], ...over };
}

function text(body: string) {
  return { text: body, places: placesIn(body) };
}

const image = { link: 'https://example.com/a.png' };
const button = (type: string, hasPlace = false) => ({ type, hasPlace });
const card = { header: { format: 'IMAGE', places: [] }, body: text('Now {{1}}'), buttons: [button('URL', true)] };
const cardParts = { header: { image }, body: ['1 €'], buttons: [{ type: 'url', text: 'a' }] } as const;

/** Template, what is given for it, and what is wrong with that; nothing: it fits. */
const CASES: readonly (readonly [string, Partial<MessageTemplate>, TemplateParts, ...string[]])[] = [
  ['nothing for a template without places', { body: text('Hello') }, {}],
  ['values by number', { body: text('{{1}} and {{2}}') }, { body: ['a', 'b'] }],
  ['one value where a place stands twice', { body: text('{{1}} and {{1}}') }, { body: ['a'] }],
  ['values by name', { body: text('{{who}} and {{what}}') }, { body: { what: 'b', who: 'a' } }],
  [
    'too few by number',
    { body: text('{{1}} and {{2}}') },
    { body: ['a'] },
    'its body takes 2 ({{1}}, {{2}}), but 1 is given',
  ],
  ['none at all', { body: text('{{1}}') }, {}, 'its body takes 1 ({{1}}), but 0 are given'],
  ['too many by number', { body: text('{{1}}') }, { body: ['a', 'b'] }, 'its body takes 1 ({{1}}), but 2 are given'],
  ['values where there is no place', { body: text('Hi') }, { body: ['a'] }, 'its body has no places, but 1 is given'],
  [
    'wrong names',
    { body: text('{{who}} and {{what}}') },
    { body: { who: 'a', waht: 'b' } },
    'its body lacks {{what}}',
    'its body has no {{waht}}',
  ],
  [
    'a list for names',
    { body: text('{{who}}') },
    { body: ['a'] },
    "its body takes its values as an object: { name: '…' }, for {{who}}",
  ],
  [
    'names for a list',
    { body: text('{{1}}') },
    { body: { who: 'a' } },
    "its body takes its values as a list: ['…'], for {{1}}",
  ],
  ['a picture for a picture', { header: { format: 'IMAGE', places: [] } }, { header: { image } }],
  ['no picture', { header: { format: 'IMAGE', places: [] } }, {}, 'its header needs { image: … }, but none is given'],
  [
    'a picture for a video',
    { header: { format: 'VIDEO', places: [] } },
    { header: { image } },
    'its header needs { video: … }, but image is given',
  ],
  ['a header for none', {}, { header: { image } }, 'it has no header, but one is given'],
  [
    'a picture for a text',
    { header: { format: 'TEXT', places: ['1'] } },
    { header: { image } },
    'its header is a text, but image is given',
  ],
  ['the text of a header', { header: { format: 'TEXT', places: ['1'] } }, { header: { text: ['a'] } }],
  [
    'no text of a header',
    { header: { format: 'TEXT', places: ['1'] } },
    {},
    'its header takes 1 ({{1}}), but 0 are given',
  ],
  ['nothing for a header without places', { header: { format: 'TEXT', places: [] } }, {}],
  ['whatever for a format that is not known', { header: { format: 'HOLOGRAM', places: [] } }, {}],
  [
    'nothing for buttons that need nothing',
    { buttons: [button('QUICK_REPLY'), button('URL'), button('PHONE_NUMBER')] },
    {},
  ],
  [
    'nothing for buttons that need something',
    { buttons: [button('QUICK_REPLY'), button('URL', true), button('COPY_CODE'), button('OTP')] },
    {},
    'its button 1 (URL) needs a url',
    'its button 2 (COPY_CODE) needs a copyCode',
    'its button 3 (OTP) needs a url',
  ],
  [
    'buttons by their index',
    { buttons: [button('QUICK_REPLY'), button('URL', true)] },
    { buttons: [{ type: 'url', text: 'a', index: 1 }] },
  ],
  [
    'a button of another kind, and one too many',
    { buttons: [button('QUICK_REPLY')] },
    {
      buttons: [
        { type: 'copyCode', code: 'A' },
        { type: 'url', text: 'a' },
      ],
    },
    'its button 0 is a quickReply, but a copyCode is given for it',
    'it has no button 1, but a url is given for it',
  ],
  [
    'a text for an address without a place',
    { buttons: [button('URL')] },
    { buttons: [{ type: 'url', text: 'a' }] },
    'the address of its button 0 has no place, but a text is given for it',
  ],
  [
    'something for a kind of button that is not known',
    { buttons: [button('NEW')] },
    { buttons: [{ type: 'url', text: 'a' }] },
  ],
  [
    'an empty header for a text',
    { header: { format: 'TEXT', places: [] } },
    { header: {} as never },
    'its header is a text, but nothing is given',
  ],
  ['no cards', { cards: [card, card] }, {}, 'its carousel has 2 cards, not 0'],
  ['a paused one', { status: 'PAUSED' }, {}, 'its status is PAUSED, so Meta does not send it'],
  ['a status that is not known', { status: 'BRAND_NEW' }, {}],
  ['an offer', { offer: { ends: true } }, { offerEndsAtMs: 1 }],
  ['no end of an offer', { offer: { ends: true } }, {}, 'it has an offer that ends, but offerEndsAtMs is missing'],
  ['the end of no offer', {}, { offerEndsAtMs: 1 }, 'it has no offer, but offerEndsAtMs is given'],
  ['cards', { cards: [card, card] }, { carousel: [cardParts, cardParts] }],
  ['too few cards', { cards: [card, card] }, { carousel: [cardParts] }, 'its carousel has 2 cards, not 1'],
  [
    'a card that does not fit',
    { cards: [card, card] },
    { carousel: [cardParts, { header: { image } }] },
    'its card 2: body takes 1 ({{1}}), but 0 are given',
    'its card 2: button 0 (URL) needs a url',
  ],
  ['cards of none', {}, { carousel: [cardParts, cardParts] }, 'it has no carousel, but one is given'],
];

describe('The parts of a template', () => {
  for (const [name, over, parts, ...problems] of CASES)
    it(`${problems.length === 0 ? 'fit' : 'do not fit'}: ${name}`, () => {
      expect(misfits(template(over), parts)).to.deep.equal(problems);
    });

  it('belong to a template by name and language, written either way', () => {
    expect(isCalled(template(), 'order', 'en-US')).to.equal(true);
    expect(isCalled(template(), 'order', 'en_GB')).to.equal(false);
    expect(isCalled(template(), 'orders', 'en_US')).to.equal(false);
  });
});
