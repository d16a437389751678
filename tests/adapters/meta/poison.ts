import type { QuarantineReason } from '../../../src/core/ports/receiving.ts';
import { ACCOUNT_ID, bytes, PHONE_NUMBER_ID } from './webhook-bodies.ts';

/** The customers of a batch, in turns: each has a conversation of its own. */
export const CUSTOMERS = 20;

export const BATCH = 1_000;

export const POSITIONS = { first: 0, middle: BATCH / 2, last: BATCH - 1 } as const;

const nested = (open: string, close: string, depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;

/** Messages that no version can handle as they are, as JSON text. Each is something that JSON.parse accepts. */
export const POISON: Readonly<Record<string, readonly [reason: QuarantineReason, json: string]>> = {
  'a NUL in its text': ['nul_character', '{"id":"wamid.P","from":"1","type":"text","text":{"body":"a\\u0000b"}}'],
  'a NUL in a key': ['nul_character', '{"id":"wamid.P","from":"1","new":[{"a\\u0000":1}]}'],
  'a NUL in its id': ['nul_character', '{"id":"wamid.P\\u0000","from":"1"}'],
  'a NUL behind 1 MB of text': ['nul_character', `{"id":"wamid.P","text":{"body":"${'x'.repeat(1e6)}\\u0000"}}`],
  'half of a surrogate pair in its text': ['lone_surrogate', '{"id":"wamid.P","text":{"body":"\\ud83c"}}'],
  'a surrogate pair in the wrong order': ['lone_surrogate', '{"id":"wamid.P","new":["\\udf89\\ud83c"]}'],
  'half of a surrogate pair in a key': ['lone_surrogate', '{"id":"wamid.P","\\udf89":1}'],
  'arrays in 5,000 levels': ['too_deep', `{"id":"wamid.P","from":"1","new":${nested('[', ']', 5_000)}}`],
  'objects in 5,000 levels': ['too_deep', `{"id":"wamid.P","from":"1","new":${nested('{"a":', '}', 5_000)}}`],
  'no id': ['wrong_shape', '{"from":"1","timestamp":"1790000000","type":"text","text":{"body":"no id"}}'],
  'an id that is null': ['wrong_shape', '{"id":null,"from":"1"}'],
  'an empty id': ['wrong_shape', '{"id":"","from":"1"}'],
  'a number as its id': ['wrong_shape', '{"id":7,"from":"1"}'],
  'a number beyond all as its id': ['wrong_shape', '{"id":1e400,"from":"2"}'],
  'an id of 513 characters': ['wrong_shape', `{"id":"${'w'.repeat(513)}","from":"1"}`],
  'its id in __proto__': ['wrong_shape', '{"__proto__":{"id":"wamid.P"},"from":"1"}'],
  'two ids, the second a list': ['wrong_shape', '{"id":"wamid.P","from":"1","id":["wamid.P"]}'],
  'a sender that is an object': ['wrong_shape', '{"id":"wamid.P","from":{"wa_id":"1"}}'],
  'null in its place': ['wrong_shape', 'null'],
  'a text in its place': ['wrong_shape', '"hi"'],
  'a number in its place': ['wrong_shape', '42'],
  'a list in its place': ['wrong_shape', '[{"id":"wamid.P","from":"1"}]'],
};

/** Messages that look as bad and are handled all the same: a message is worth more than one of its fields. */
export const TOLERATED: Readonly<Record<string, string>> = {
  'no timestamp': '{"id":"wamid.P","from":"1","type":"text","text":{"body":"x"}}',
  'no sender': '{"id":"wamid.P","timestamp":"1790000000","type":"text","text":{"body":"x"}}',
  'a timestamp that is a list': '{"id":"wamid.P","from":"1","timestamp":[],"type":"text","text":{"body":"x"}}',
  'a text that is a number': '{"id":"wamid.P","from":"1","type":"text","text":7}',
  'an interactive that is null': '{"id":"wamid.P","from":"1","type":"interactive","interactive":null}',
  'contacts that are a text': '{"id":"wamid.P","from":"1","type":"contacts","contacts":"x"}',
  'a type that is a number': '{"id":"wamid.P","from":"1","type":7}',
  'a type that nobody knows': '{"id":"wamid.P","from":"1","type":"__proto__","__proto__":{"a":1}}',
  'a number beyond all': '{"id":"wamid.P","from":"1","type":"new","new":{"a":1e400,"b":-1e400,"c":9512345678901235}}',
  'the same key twice': '{"id":7,"from":"1","id":"wamid.P","type":"text","text":{"body":"x"}}',
  '1 MB of text': `{"id":"wamid.P","from":"1","type":"text","text":{"body":"${'x'.repeat(1e6)}"}}`,
  'arrays in 60 levels': `{"id":"wamid.P","from":"1","type":"new","new":${nested('[', ']', 60)}}`,
};

/** The text and, behind `wamid.`, the id of the good message at this place. */
export function goodText(run: string, index: number): string {
  return `${run}:${index}`;
}

/** A batch of `count` messages of which one, at `position`, is this JSON text; without it all are good. */
export function batchWith(run: string, position: number, json: string | undefined, count = BATCH): Buffer {
  const messages = Array.from({ length: count }, (_, index) => {
    const words = goodText(run, index);
    const from = `155501${String(index % CUSTOMERS).padStart(5, '0')}`;
    return JSON.stringify({ from, id: `wamid.${words}`, timestamp: '1790000000', type: 'text', text: { body: words } });
  });
  if (json !== undefined) messages[position] = json;
  const metadata = `{"display_phone_number":"15550100200","phone_number_id":"${PHONE_NUMBER_ID}"}`;
  const value = `{"messaging_product":"whatsapp","metadata":${metadata},"messages":[${messages.join()}]}`;
  const entry = `{"id":"${ACCOUNT_ID}","changes":[{"field":"messages","value":${value}}]}`;
  return bytes(`{"object":"whatsapp_business_account","entry":[${entry}]}`);
}
