import { expect } from 'chai';
import { requestBody } from '../../src/adapters/meta/graph-request.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import { readSendRequest } from '../../src/simulator/send-request.ts';
import { LIMITS, LINK } from '../support/outbound-limits.ts';
import { ALL_SAMPLES } from '../support/outbound-samples.ts';

/** What the simulator makes of a message, unchecked by the service: the code of its error, or that it takes it. */
function verdict(content: OutboundContent): string {
  const to = content.type === 'pin' ? { groupId: 'Y2FwaV8x' } : { waId: '15550100001' };
  const message = { sendId: 'send-1', phoneNumberId: '106540352242922', to, content };
  return judged(JSON.parse(requestBody(message)));
}

function judged(body: unknown): string {
  const read = readSendRequest(body);
  return 'code' in read ? `${read.code} ${read.message} ${read.details ?? ''}` : 'taken';
}

/** Only Meta knows these: they are about the template's own text, or about India. */
const NOT_SIMULATED = /in_pin_code|^value |the buttons of the template/;

describe('The simulator as an oracle', () => {
  for (const [index, content] of ALL_SAMPLES.entries())
    it(`takes what the service sends: ${content.type} (${index})`, () => expect(verdict(content)).to.equal('taken'));

  for (const [field, min, max, build] of LIMITS.filter(([name]) => !NOT_SIMULATED.test(name)))
    it(`has the same limit as the service for ${field} (${build(max).type}): ${min} to ${max}`, () => {
      expect(verdict(build(max)), `at ${max}`).to.equal('taken');
      expect(verdict(build(max + 1)), `at ${max + 1}`).to.match(/^(100|131008|131009) /);
    });

  const common = { messaging_product: 'whatsapp', to: '+15550100001' };
  const interactive = (type: string, action: object, more: object = {}): object => ({
    ...common,
    type: 'interactive',
    interactive: { type, body: { text: 'a' }, action, ...more },
  });
  const template = (...components: readonly object[]): object => ({
    ...common,
    type: 'template',
    template: { name: 'a', language: { code: 'en' }, components },
  });
  const image = { type: 'image', image: { link: LINK } };
  const link = { name: 'cta_url', parameters: { display_text: 'a', url: LINK } };
  const mediaCard = (card_index: number, action: object = link): object => ({
    card_index,
    type: 'cta_url',
    header: image,
    action,
  });
  const replies = { buttons: [{ type: 'quick_reply', quick_reply: { id: 'a', title: 'A' } }] };

  const refused: readonly [what: string, body: object, words: string][] = [
    [
      'an unknown interactive',
      interactive('poll', {}),
      '131009 (#131009) Parameter value is not valid Interactive type',
    ],
    ['another action', interactive('flow', { name: 'flows' }), 'Action name must be flow'],
    ['a link that is none', interactive('cta_url', { name: 'cta_url', parameters: { url: 'a' } }), 'URL is not valid'],
    [
      'a header above a request',
      interactive('location_request_message', {}, { header: image }),
      'Header is not allowed',
    ],
    ['a picture above a list', interactive('list', { button: 'a' }, { header: image }), 'Header type image'],
    ['a footer below a carousel', interactive('carousel', {}, { footer: { text: 'a' } }), 'Footer is not allowed'],
    ['a product list without header', interactive('product_list', {}), '131008'],
    [
      'two rows of one id',
      interactive('list', { button: 'a', sections: [{ rows: twice({ id: 'a', title: 'A' }) }] }),
      'Row ids must be unique',
    ],
    [
      'two sections without titles',
      interactive('list', { button: 'a', sections: twice({ rows: [] }) }),
      'Section title is missing',
    ],
    ['a Flow of another version', interactive('flow', { name: 'flow', parameters: {} }), 'flow_message_version'],
    [
      'a Flow without id',
      interactive('flow', { name: 'flow', parameters: { flow_message_version: '3' } }),
      'Exactly one of flow_id',
    ],
    ['cards out of order', interactive('carousel', { cards: [mediaCard(1), mediaCard(0)] }), 'card_index must be 0'],
    [
      'cards of two kinds',
      interactive('carousel', { cards: [mediaCard(0), mediaCard(1, replies)] }),
      'All cards must have',
    ],
    [
      'a pin outside of a group',
      { ...common, type: 'pin', pin: { type: 'pin', message_id: 'a', expiration_days: 1 } },
      'Only in a group',
    ],
    ['an unknown pin', { ...common, recipient_type: 'group', type: 'pin', pin: { type: 'nail' } }, 'PIN, UNPIN'],
    ['a caption under a sticker', { ...common, type: 'sticker', sticker: { id: '1', caption: 'a' } }, 'Unexpected key'],
    [
      'a contact without a name',
      { ...common, type: 'contacts', contacts: [{}] },
      "contacts[0]['name']['formatted_name']",
    ],
    [
      'a latitude that is none',
      { ...common, type: 'location', location: { latitude: 'a', longitude: '1' } },
      'latitude is not valid',
    ],
    ['an unknown button', template({ type: 'button', sub_type: 'phone', index: 0 }), 'sub_type phone'],
    ['an empty value', template({ type: 'body', parameters: [{ type: 'text', text: '' }] }), '131008'],
    [
      'a picture in the body',
      template({ type: 'body', parameters: [image] }),
      'Parameter type image is not valid in a body',
    ],
    [
      'named and unnamed values',
      template({
        type: 'body',
        parameters: [
          { type: 'text', text: 'a' },
          { type: 'text', parameter_name: 'b', text: 'b' },
        ],
      }),
      'all named or all positional',
    ],
    [
      'a card without components',
      template({ type: 'carousel', cards: [{ card_index: 0 }] }),
      'Card components are missing',
    ],
    [
      'an offer without end',
      template({ type: 'limited_time_offer', parameters: [{ type: 'limited_time_offer', limited_time_offer: {} }] }),
      'expiration_time_ms',
    ],
  ];
  for (const [what, body, words] of refused)
    it(`refuses ${what}`, () => {
      expect(judged(body)).to.include(words);
    });
});

function twice(item: object): readonly object[] {
  return [item, item];
}
