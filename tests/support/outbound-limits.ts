import type {
  ContentOf,
  ListRow,
  MediaCard,
  OutboundContent,
  OutboundType,
  TemplateCard,
} from '../../src/core/outbound-content.ts';
import { SAMPLES } from './outbound-samples.ts';

export const LINK = 'https://example.com/file';
const x = (length: number): string => 'x'.repeat(length);
export const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** The full form of a type, with changes. */
export function like<Type extends OutboundType>(type: Type, changes: Partial<ContentOf<Type>>): OutboundContent {
  const content: unknown = { ...SAMPLES[type].at(-1), ...changes };
  return content as OutboundContent;
}

export const row = (changes: Partial<ListRow> = {}, index = 0): ListRow => ({
  id: `row-${index}`,
  title: 'Row',
  ...changes,
});
const oneRow = (changes: Partial<ListRow>): OutboundContent => like('list', { sections: [{ rows: [row(changes)] }] });
export const card = (changes: Partial<MediaCard> = {}): MediaCard => ({
  header: { image: { link: LINK } },
  action: { title: 'Open', url: LINK },
  ...changes,
});
export const cards = (changes: Partial<MediaCard>): OutboundContent =>
  like('carousel', { cards: [card(changes), card(changes)] });
export const templateCard = (): TemplateCard => ({ header: { image: { id: '1' } } });

type Row = readonly [field: string, min: number, max: number, build: (size: number) => OutboundContent];

/** Every limit that has a number: Meta's pages as in meta's copies named in `src/core/*-limits.ts`. */
export const LIMITS: readonly Row[] = [
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
