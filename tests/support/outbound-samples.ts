import type { ContentOf, OutboundContent, OutboundType } from '../../src/core/outbound-content.ts';

const LINK = 'https://example.com/file';

/** Every type of content in its smallest form and in a full one. */
export const SAMPLES: { readonly [Type in OutboundType]: readonly ContentOf<Type>[] } = {
  text: [
    { type: 'text', text: 'Hello' },
    { type: 'text', text: `See ${LINK}`, previewUrl: true },
  ],
  image: [
    { type: 'image', link: LINK },
    { type: 'image', id: '1003', caption: 'A cat' },
  ],
  video: [
    { type: 'video', id: '1003' },
    { type: 'video', link: LINK, caption: 'A cat' },
  ],
  audio: [
    { type: 'audio', link: LINK },
    { type: 'audio', id: '1003', voice: true },
  ],
  document: [
    { type: 'document', link: LINK },
    { type: 'document', id: '1003', caption: 'Your bill', filename: 'bill.pdf' },
  ],
  sticker: [
    { type: 'sticker', link: LINK },
    { type: 'sticker', id: '1003' },
  ],
  location: [
    { type: 'location', latitude: 0, longitude: -0.0000001 },
    { type: 'location', latitude: 37.4421624, longitude: -122.1615317, name: 'Shop', address: '1 Main St' },
  ],
  contacts: [
    { type: 'contacts', contacts: [{ name: { formatted: 'Ana' } }] },
    {
      type: 'contacts',
      contacts: [
        {
          name: {
            formatted: 'Dr Ana B. Souza Jr',
            first: 'Ana',
            middle: 'B.',
            last: 'Souza',
            prefix: 'Dr',
            suffix: 'Jr',
          },
          phones: [{ phone: '+1 555 010 0001', type: 'WORK', waId: '15550100001' }],
          emails: [{ email: 'ana@example.com', type: 'HOME' }],
          urls: [{ url: 'https://example.com', type: 'WORK' }],
          addresses: [
            {
              ...{ street: '1 Main St', city: 'Lisbon', state: 'L', zip: '1000', country: 'Portugal' },
              ...{ countryCode: 'pt', type: 'HOME' },
            },
          ],
          org: { company: 'Shop', department: 'Sales', title: 'Head' },
          birthday: '1990-12-31',
        },
      ],
    },
  ],
  reaction: [
    { type: 'reaction', messageId: 'wamid.IN1' },
    { type: 'reaction', messageId: 'wamid.IN1', emoji: '👍🏽' },
  ],
  pin: [
    { type: 'pin', messageId: 'wamid.IN1' },
    { type: 'pin', messageId: 'wamid.IN1', days: 4 },
  ],
  buttons: [
    { type: 'buttons', text: 'Well?', buttons: [{ id: 'yes', title: 'Yes' }] },
    {
      type: 'buttons',
      text: 'Well?',
      header: 'Order',
      footer: 'No hurry',
      buttons: [
        { id: 'yes', title: 'Yes' },
        { id: 'no', title: 'No' },
      ],
    },
    {
      ...{ type: 'buttons', text: 'Well?', buttons: [{ id: 'yes', title: 'Yes' }] },
      header: { document: { id: '1003', filename: 'bill.pdf' } },
    },
  ],
  list: [
    { type: 'list', text: 'Which?', button: 'Menu', sections: [{ rows: [{ id: 'a', title: 'A' }] }] },
    {
      type: 'list',
      text: 'Which?',
      header: 'Food',
      footer: 'Fresh',
      button: 'Menu',
      sections: [
        { title: 'Hot', rows: [{ id: 'soup', title: 'Soup', description: 'Of the day' }] },
        { title: 'Cold', rows: [{ id: 'salad', title: 'Salad' }] },
      ],
    },
  ],
  link: [
    { type: 'link', text: 'Have a look', button: { title: 'Open', url: LINK } },
    {
      type: 'link',
      text: 'Have a look',
      button: { title: 'Open', url: LINK },
      header: { image: { link: LINK } },
      footer: 'New',
    },
  ],
  flow: [
    { type: 'flow', text: 'Book a table', button: 'Book', flowId: '123' },
    {
      type: 'flow',
      text: 'Book a table',
      header: 'Tables',
      footer: 'Tonight',
      button: 'Book',
      flowName: 'booking',
      token: 't-1',
      draft: true,
      screen: 'FIRST',
      data: { guests: 2 },
    },
    { type: 'flow', text: 'Book a table', button: 'Book', flowId: '123', token: 't-1', exchange: true },
  ],
  locationRequest: [{ type: 'locationRequest', text: 'Where are you?' }],
  address: [
    { type: 'address', text: 'Where to?', country: 'IN' },
    {
      type: 'address',
      text: 'Where to?',
      header: 'Delivery',
      footer: 'Free',
      country: 'IN',
      values: { name: 'Ana', in_pin_code: '400063' },
      saved: [{ id: 'home', value: { city: 'Mumbai' } }],
      errors: { in_pin_code: 'We do not deliver there.' },
    },
  ],
  product: [
    { type: 'product', catalogId: '194', productId: 'sku-1' },
    { type: 'product', catalogId: '194', productId: 'sku-1', text: 'This one?', footer: 'Last one' },
  ],
  productList: [
    { type: 'productList', text: 'Ours', header: 'Shop', catalogId: '194', sections: [{ products: ['sku-1'] }] },
    {
      type: 'productList',
      text: 'Ours',
      header: 'Shop',
      footer: 'Fresh',
      catalogId: '194',
      sections: [
        { title: 'Hot', products: ['sku-1', 'sku-2'] },
        { title: 'Cold', products: ['sku-3'] },
      ],
    },
  ],
  catalog: [
    { type: 'catalog', text: 'All we have' },
    { type: 'catalog', text: 'All we have', footer: 'Fresh', thumbnail: 'sku-1' },
  ],
  carousel: [
    {
      type: 'carousel',
      text: 'New',
      cards: [
        { header: { image: { link: LINK } }, action: { title: 'Open', url: LINK } },
        { header: { image: { id: '1003' } }, text: 'A\nB\nC', action: { title: 'Open', url: LINK } },
      ],
    },
    {
      type: 'carousel',
      text: 'New',
      cards: [
        { header: { video: { link: LINK } }, text: 'A', action: [{ id: 'a', title: 'Buy' }] },
        { header: { video: { link: LINK } }, text: 'B', action: [{ id: 'b', title: 'Buy' }] },
      ],
    },
  ],
  productCarousel: [{ type: 'productCarousel', text: 'New', catalogId: '194', products: ['sku-1', 'sku-2'] }],
  callPermissionRequest: [{ type: 'callPermissionRequest', text: 'May we call you?' }],
  contactRequest: [{ type: 'contactRequest', text: 'What is your number?' }],
  voiceCall: [
    { type: 'voiceCall', text: 'Talk to us' },
    { type: 'voiceCall', text: 'Talk to us', button: 'Call', ttlMinutes: 60, payload: 'order-7' },
  ],
  template: [
    { type: 'template', name: 'hello_world', language: 'en_US' },
    {
      type: 'template',
      name: 'order',
      language: 'pt_BR',
      header: { image: { link: LINK } },
      body: [
        'Ana',
        { currency: { code: 'EUR', amount: 100_990, fallback: '100.99 €' } },
        { dateTime: { fallback: '31 December' } },
      ],
      buttons: [
        { type: 'quickReply', payload: 'yes' },
        { type: 'url', text: 'order-7' },
        { type: 'copyCode', code: 'SAVE20' },
        { type: 'flow', token: 't-1', data: { guests: 2 } },
        { index: 5, type: 'catalog', thumbnail: 'sku-1' },
        { type: 'productList', index: 6, thumbnail: 'sku-1', sections: [{ title: 'Hot', products: ['sku-1'] }] },
        { type: 'voiceCall', index: 7, ttlMinutes: 60, payload: 'order-7' },
      ],
    },
    {
      type: 'template',
      name: 'named',
      language: 'en',
      header: { text: { name: 'Ana' } },
      body: { name: 'Ana', total: { currency: { code: 'EUR', amount: 5, fallback: '0.01 €' } } },
    },
    {
      ...{ type: 'template', name: 'where', language: 'en' },
      header: { location: { latitude: 1, longitude: 2, name: 'Shop', address: '1 Main St' } },
    },
    {
      ...{ type: 'template', name: 'bill', language: 'en' },
      header: { document: { id: '1003', filename: 'bill.pdf' } },
    },
    {
      ...{ type: 'template', name: 'one', language: 'en' },
      header: { product: { catalogId: '194', productId: 'sku-1' } },
    },
    {
      ...{ type: 'template', name: 'offer', language: 'en', offerEndsAtMs: 1_790_000_000_000 },
      buttons: [{ type: 'copyCode', code: 'SAVE20' }],
    },
    {
      type: 'template',
      name: 'cards',
      language: 'en',
      body: ['Ana'],
      carousel: [
        { header: { image: { id: '1003' } }, body: ['Soup'], buttons: [{ type: 'quickReply', payload: 'soup' }] },
        { header: { product: { catalogId: '194', productId: 'sku-1' } } },
      ],
    },
  ],
};

export const ALL_SAMPLES: readonly OutboundContent[] = Object.values(SAMPLES).flat();
