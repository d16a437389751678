import type {
  ContactCard,
  ContentOf,
  InteractiveContent,
  InteractiveContents,
  OutboundContent,
  OutboundType,
} from '../../core/outbound-content.ts';
import { encodeInteractive } from './encode-interactive.ts';
import { file, place } from './encode-parts.ts';
import { encodeTemplate } from './encode-template.ts';

type Encoders = {
  readonly [Type in Exclude<OutboundType, keyof InteractiveContents>]: (content: ContentOf<Type>) => unknown;
};

const ENCODERS: Encoders = {
  text: ({ text, previewUrl }) => ({ body: text, preview_url: previewUrl }),
  image: (content) => captioned(content),
  video: (content) => captioned(content),
  audio: (content) => ({ ...file(content), voice: content.voice }),
  document: (content) => ({ ...captioned(content), filename: content.filename }),
  sticker: file,
  location: place,
  contacts: ({ contacts }) => contacts.map(contact),
  // An empty emoji takes it back: Meta's page, in a copy of 2025; newer ones are silent about it.
  reaction: ({ messageId, emoji = '' }) => ({ message_id: messageId, emoji }),
  template: encodeTemplate,
  pin: ({ messageId, days }) => ({
    type: days === undefined ? 'unpin' : 'pin',
    message_id: messageId,
    expiration_days: days,
  }),
};

/** `type` and the object of that name, as they stand in the request. */
export function encodeContent(content: OutboundContent): object {
  if (isInteractive(content)) return { type: 'interactive', interactive: encodeInteractive(content) };
  // The compiler cannot see that the encoder found by a content's type is the one for this content.
  const encode = ENCODERS[content.type] as (content: OutboundContent) => unknown;
  return { type: content.type, [content.type]: encode(content) };
}

function isInteractive(content: OutboundContent): content is InteractiveContent {
  return !Object.hasOwn(ENCODERS, content.type);
}

/** An empty caption is none. */
function captioned(content: ContentOf<'image' | 'video' | 'document'>): object {
  return { ...file(content), caption: content.caption || undefined };
}

function contact({ name, phones, emails, urls, addresses, org, birthday }: ContactCard): object {
  return {
    name: {
      formatted_name: name.formatted,
      first_name: name.first,
      middle_name: name.middle,
      last_name: name.last,
      prefix: name.prefix,
      suffix: name.suffix,
    },
    phones: phones?.map(({ phone, type, waId }) => ({ phone, type, wa_id: waId })),
    emails: emails?.map(({ email, type }) => ({ email, type })),
    urls: urls?.map(({ url, type }) => ({ url, type })),
    addresses: addresses?.map(({ street, city, state, zip, country, countryCode, type }) => ({
      street,
      city,
      state,
      zip,
      country,
      country_code: countryCode,
      type,
    })),
    org: org && { company: org.company, department: org.department, title: org.title },
    birthday,
  };
}
