/**
 * Where Meta's OpenAPI file (v23.0, 2025-11-21) is not what Meta's API takes. Each is applied to the file before requests are
 * checked against it, and a test shows that each is still needed.
 */

/** A schema, to be changed in place. */
// biome-ignore lint/suspicious/noExplicitAny: a JSON schema is read and written at any depth
export type Schema = any;

export interface Difference {
  readonly what: string;
  /** Meta's page that is newer, or what in the file itself contradicts it. */
  readonly source: string;
  apply(schemas: Schema): void;
}

const MESSAGES = [
  'TextMessage',
  'AudioMessage',
  'VideoMessage',
  'DocumentMessage',
  'ImageMessage',
  'LocationMessage',
  'StickerMessage',
  'ReactionMessage',
  'InteractiveMessage',
  'TemplateMessage',
  'ContactsMessage',
];

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const object = (required: readonly string[], properties: Schema): Schema => ({
  type: 'object',
  required,
  properties,
  additionalProperties: false,
});

const text = (maxLength?: number): Schema => ({ type: 'string', minLength: 1, ...(maxLength && { maxLength }) });

const named = (name: string, parameters?: Schema): Schema =>
  object(parameters === undefined ? ['name'] : ['name', 'parameters'], {
    name: { const: name },
    ...(parameters && { parameters }),
  });

const CALL = object([], {
  display_text: text(20),
  ttl_minutes: { type: 'integer', minimum: 1, maximum: 43_200 },
  payload: { type: 'string', maxLength: 512 },
});

const LINK = named('cta_url', object(['display_text', 'url'], { display_text: text(20), url: text() }));

const QUICK_REPLIES = object(['buttons'], {
  buttons: {
    type: 'array',
    minItems: 1,
    items: object(['type', 'quick_reply'], {
      type: { const: 'quick_reply' },
      quick_reply: object(['id', 'title'], { id: text(20), title: text(20) }),
    }),
  },
});

const cardsOf = (card: Schema): Schema =>
  object(['cards'], { cards: { type: 'array', minItems: 2, maxItems: 10, items: card } });

const CARD_INDEX = { type: 'integer', minimum: 0, maximum: 9 };

const MEDIA_CARD = object(['card_index', 'type', 'header', 'action'], {
  card_index: CARD_INDEX,
  type: { const: 'cta_url' },
  header: ref('HeaderObject'),
  body: object(['text'], { text: text(160) }),
  action: { oneOf: [LINK, QUICK_REPLIES] },
});

const PRODUCT_CARD = object(['card_index', 'type', 'action'], {
  card_index: CARD_INDEX,
  type: { const: 'product' },
  action: object(['product_retailer_id', 'catalog_id'], { product_retailer_id: text(), catalog_id: text() }),
});

/** Adds a kind of interactive message with its action. */
function interactive(type: string, source: string, ...actions: readonly Schema[]): Difference {
  return {
    what: `interactive ${type} is missing`,
    source,
    apply: ({ InteractiveObject, ActionObject }) => {
      InteractiveObject.properties.type.enum.push(type);
      ActionObject.oneOf.push(...actions);
    },
  };
}

const parameter = (type: string, schema: Schema): Schema =>
  object(['type', type], { type: { const: type }, [type]: schema });

const ACTION = parameter('action', {
  type: 'object',
  properties: {
    thumbnail_product_retailer_id: text(),
    flow_token: text(),
    flow_action_data: { type: 'object' },
    sections: { type: 'array', items: ref('SectionObject') },
  },
  additionalProperties: false,
});

const LOCATION = object(['latitude', 'longitude'], {
  latitude: text(),
  longitude: text(),
  name: text(),
  address: text(),
});

const PRODUCT = object(['product_retailer_id', 'catalog_id'], { product_retailer_id: text(), catalog_id: text() });

export const DIFFERENCES: readonly Difference[] = [
  {
    what: '`additionalProperties: false` in one part of an `allOf` forbids what the other part asks for',
    source: 'the file itself: its own examples fail',
    apply: (schemas) => {
      for (const name of MESSAGES) {
        for (const part of schemas[name].allOf) delete part.additionalProperties;
        schemas[name].unevaluatedProperties = false;
      }
    },
  },
  {
    what: 'a business-scoped user id goes into `recipient` instead of `to`',
    source: 'Business-scoped user IDs, 2026-05-28',
    apply: ({ BaseMessageProperties }) => {
      BaseMessageProperties.required = ['messaging_product', 'recipient_type', 'type'];
      BaseMessageProperties.properties.recipient = text();
      BaseMessageProperties.oneOf = [{ required: ['to'] }, { required: ['recipient'] }];
    },
  },
  {
    what: '`biz_opaque_callback_data` is missing',
    source: 'Send messages, 2025-11-04; 512 characters: changelog, 2026-08-11',
    apply: ({ BaseMessageProperties }) => {
      BaseMessageProperties.properties.biz_opaque_callback_data = text(512);
    },
  },
  {
    what: 'contacts: 257, not 5',
    source: 'Contacts messages, copy of 2025-12',
    apply: ({ ContactsMessage }) => {
      ContactsMessage.allOf[1].properties.contacts.maxItems = 257;
    },
  },
  {
    what: 'the text of a list has up to 4096 characters, not 1024',
    source: 'Interactive list messages, copy of 2025-12',
    apply: ({ InteractiveObject, BodyObject }) => {
      delete BodyObject.properties.text.maxLength;
      InteractiveObject.if = { properties: { type: { const: 'list' } } };
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema
      InteractiveObject.then = { properties: { body: { properties: { text: { maxLength: 4096 } } } } };
      InteractiveObject.else = { properties: { body: { properties: { text: { maxLength: 1024 } } } } };
    },
  },
  {
    what: 'a catalog message without a thumbnail shows the first product',
    source: 'Share products with customers, copy of 2025-12',
    apply: ({ ActionObject }) => {
      ActionObject.oneOf.push(named('catalog_message'));
    },
  },
  interactive('cta_url', 'Interactive call-to-action URL button messages, copy of 2025-12', LINK),
  interactive('location_request_message', 'Location request messages, copy of 2025-12', named('send_location')),
  interactive(
    'address_message',
    'Address messages, 2025-11-07',
    named('address_message', { type: 'object', required: ['country'] }),
  ),
  interactive(
    'carousel',
    'Interactive media and product carousel messages, 2025-12-22',
    cardsOf(MEDIA_CARD),
    cardsOf(PRODUCT_CARD),
  ),
  interactive('request_contact_info', 'Business-scoped user IDs, 2026-05-28', named('request_contact_info')),
  interactive('voice_call', 'Call button messages, copy of 2025-12', named('voice_call', CALL)),
  {
    what: 'pin is missing',
    source: 'Group messaging, 2025-11-14',
    apply: ({ Message }) => {
      Message.oneOf.push({
        allOf: [ref('BaseMessageProperties'), { required: ['pin'] }],
        properties: {
          type: { const: 'pin' },
          pin: object(['type', 'message_id'], {
            type: { enum: ['pin', 'unpin'] },
            message_id: text(),
            expiration_days: { type: 'integer', minimum: 1, maximum: 30 },
          }),
        },
        unevaluatedProperties: false,
      });
    },
  },
  {
    what: 'the language of a template needs no policy',
    source: "the file itself: most of its examples have none; Meta's pages neither",
    apply: ({ LanguageObject }) => {
      LanguageObject.required = ['code'];
    },
  },
  {
    what: 'the index of a button is 0 to 9',
    source: 'the file itself: its pattern `^[2-6, 11-14]$` refuses its own example "0"',
    apply: ({ TemplateComponent, ButtonComponent }) => {
      TemplateComponent.properties.index.pattern = '^[0-9]$';
      ButtonComponent.allOf[1].properties.index.pattern = '^[0-9]$';
    },
  },
  {
    what: 'the buttons copy_code, mpm, flow and voice_call of templates are missing',
    source: 'pages on templates, copies of 2025-12 to 2026-03',
    apply: ({ TemplateComponent, ButtonComponent }) => {
      for (const { sub_type } of [TemplateComponent.properties, ButtonComponent.allOf[1].properties])
        sub_type.enum.push('copy_code', 'mpm', 'flow', 'voice_call');
    },
  },
  {
    what: 'the components limited_time_offer and carousel of templates are missing',
    source: 'Limited-time offer templates, 2026-06-17; carousel templates, copies of 2025-12',
    apply: ({ TemplateComponent }) => {
      TemplateComponent.properties.type.enum.push('limited_time_offer', 'carousel');
    },
  },
];

/**
 * A validator does not follow a discriminator without `oneOf`, so what the file says about the parts of a template would go
 * unchecked. This says the same in a way that is followed, with the parameters that Meta's pages have in addition.
 */
export function tightenTemplates(schemas: Schema): void {
  const values = ['TextParameter', 'CurrencyParameter', 'DateTimeParameter'].map(ref);
  const files = ['ImageParameter', 'VideoParameter', 'DocumentParameter'].map(ref);
  const places = [parameter('location', LOCATION), parameter('product', PRODUCT)];
  const taps = [
    ref('ButtonPayloadParameter'),
    ref('ButtonTextParameter'),
    parameter('coupon_code', text(20)),
    ACTION,
    parameter('ttl_minutes', CALL.properties.ttl_minutes),
  ];
  // Their enums are the three and the six that the file knows.
  delete schemas.ParameterObject.properties.type.enum;
  delete schemas.ButtonParameterObject.properties.type.enum;
  const withParameters = (type: string, oneOf: readonly Schema[]): Schema => ({
    required: ['type', 'parameters'],
    properties: { type: { const: type }, parameters: { type: 'array', minItems: 1, items: { oneOf } } },
  });
  const parts = [
    withParameters('header', [...values, ...files, ...places]),
    withParameters('body', values),
    { allOf: [withParameters('button', taps), { required: ['sub_type', 'index'] }] },
  ];
  const offer = parameter(
    'limited_time_offer',
    object(['expiration_time_ms'], { expiration_time_ms: { type: 'integer' } }),
  );
  const card = object(['card_index', 'components'], {
    card_index: CARD_INDEX,
    components: { type: 'array', items: { allOf: [ref('TemplateComponent'), { oneOf: parts }] } },
  });
  schemas.TemplateObject.properties.components.items = {
    allOf: [
      ref('TemplateComponent'),
      {
        oneOf: [
          ...parts,
          withParameters('limited_time_offer', [offer]),
          {
            required: ['type', 'cards'],
            properties: { type: { const: 'carousel' }, cards: { type: 'array', maxItems: 10, items: card } },
          },
        ],
      },
    ],
  };
}
