import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { QuarantinedPiece } from '../../../src/core/ports/receiving.ts';
import {
  ACCOUNT_ID,
  bodyOf,
  bytes,
  change,
  contentOf,
  eventsIn,
  keysIn,
  messageBody,
  messagesChange,
  onlyAccountEvent,
  onlyMessage,
  PHONE_NUMBER_ID,
  piecesIn,
  quarantine,
  webhook,
} from './webhook-bodies.ts';

const GOOD = { id: 'wamid.GOOD', from: '1', timestamp: '1790000000', type: 'text', text: { body: 'good' } };

function onlyPiece(body: Buffer): QuarantinedPiece {
  const elements = decodeWebhook(body);
  const [piece] = piecesIn(elements);
  if (piece === undefined || elements.length !== 1) throw new Error('Not one quarantined piece');
  return piece;
}

/** A body with this text as the messages: for what JSON.stringify would not write. */
function messagesText(text: string): Buffer {
  return bytes(
    messagesChange({ messages: ['MESSAGES'] })
      .toString()
      .replace('"MESSAGES"', text),
  );
}

const AMARA = '{"profile":{"name":"Amara Okafor"},"wa_id":"15550101001","user_id":"US.40231187650923417765"}';

/** The webhook as which a message of our number is kept. */
function alone(message: string, contact?: string): string {
  const metadata = `"metadata":{"display_phone_number":"15550100200","phone_number_id":"${PHONE_NUMBER_ID}"}`;
  const contacts = contact === undefined ? '' : `,"contacts":[${contact}]`;
  const value = `{"messaging_product":"whatsapp",${metadata}${contacts},"messages":[${message}]}`;
  const entry = `{"id":"${ACCOUNT_ID}","changes":[{"field":"messages","value":${value}}]}`;
  return `{"object":"whatsapp_business_account","entry":[${entry}]}`;
}

describe('A webhook', () => {
  describe('as a whole', () => {
    it('is quarantined, byte for byte, if it is not JSON', () => {
      const bodies = ['', ' ', '{', 'null,', '{"object":"whatsapp_business_account","entry":[]}x', "{'a':1}", '\u0000'];
      for (const body of bodies.map(bytes))
        expect(onlyPiece(body)).to.deep.equal({ reason: 'not_json', path: '', raw: body });
    });

    it('is quarantined if it is not UTF-8, instead of being repaired', () => {
      const latin1 = Buffer.from(messageBody({ type: 'text', text: { body: 'é' } }).toString(), 'latin1');
      expect(onlyPiece(latin1)).to.deep.equal({ reason: 'not_json', path: '', raw: latin1 });
    });

    it('is quarantined if it is for another product, or nothing of Meta’s', () => {
      const others = [{ object: 'page', entry: [] }, { entry: [] }, [], null, 5, 'text', { object: null }];
      for (const other of others) {
        const body = bytes(JSON.stringify(other));
        expect(onlyPiece(body)).to.deep.equal({ reason: 'not_whatsapp', path: '', raw: body });
      }
    });

    it('is quarantined if it has no list of entries', () => {
      for (const entry of [undefined, null, {}, 'text', 5])
        expect(quarantine(bytes({ object: 'whatsapp_business_account', entry }))).to.deep.equal(['wrong_shape']);
    });

    it('is nothing if it has no entry', () => {
      expect(decodeWebhook(bodyOf('odd_empty_entry.json'))).to.deep.equal([]);
      expect(decodeWebhook(webhook({ id: '1', changes: [] }))).to.deep.equal([]);
    });

    it('is quarantined, not cut, if it has more than 5000 elements', () => {
      const messages = (count: number) =>
        Array.from({ length: count }, (_, index) => ({ ...GOOD, id: `wamid.${index}` }));
      const body = messagesChange({ messages: messages(5001) });
      expect(onlyPiece(body)).to.deep.equal({ reason: 'too_many', path: '', raw: body });
      expect(decodeWebhook(messagesChange({ messages: messages(5000) }))).to.have.lengthOf(5000);
      expect(onlyPiece(messagesText(`0${',0'.repeat(1e6)}`)).reason).to.equal('too_many');
      expect(onlyPiece(webhook(...Array.from({ length: 5001 }, () => null))).reason).to.equal('too_many');
    });

    it('may start with a byte order mark', () => {
      expect(onlyMessage(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), messageBody({})])).key.id).to.match(/^m\|/);
    });
  });

  it('gives the elements of all entries and changes, in the order of the body', () => {
    const text = (body: string) => ({ ...GOOD, id: `wamid.${body}`, text: { body } });
    const value = (...messages: object[]) => ({ metadata: { phone_number_id: '1' }, messages });
    const body = webhook(
      {
        id: 'A',
        changes: [
          { field: 'messages', value: value(text('1'), text('2')) },
          { field: 'flows', value: {} },
          { value: value(text('3')), field: 'messages' },
        ],
      },
      { changes: [{ field: 'messages', value: value(text('4')) }], id: 'B' },
    );
    const events = eventsIn(decodeWebhook(body)).map(({ event }) => event);
    const what = events.map((event) => (event.kind === 'message' && event.type === 'text' ? event.text : event.kind));
    expect(what).to.deep.equal(['1', '2', 'account', '3', '4']);
    expect(events.map(({ businessAccountId }) => businessAccountId)).to.deep.equal(['A', 'A', 'A', 'A', 'B']);
  });

  it('gives messages and statuses that share a value', () => {
    const kinds = eventsIn(decodeWebhook(bodyOf('batch_messages_and_statuses_same_value.json'))).map(
      ({ event }) => event.kind,
    );
    expect(kinds).to.deep.equal(['message', 'status', 'status']);
  });

  describe('with something bad in it', () => {
    it('keeps each bad message with its place and bytes, and gives the good ones', () => {
      const elements = decodeWebhook(bodyOf('batch_good_and_malformed_message.json'));
      expect(elements.map(({ kind }) => kind)).to.deep.equal(['event', 'quarantined', 'quarantined', 'event']);
      const pieces = piecesIn(elements).map(({ reason, path, raw }) => [reason, path, Buffer.from(raw).toString()]);
      expect(pieces).to.deep.equal([
        ['wrong_shape', 'entry[0].changes[0].value.messages[1]', alone('{"from":"15550101001"}', AMARA)],
        ['wrong_shape', 'entry[0].changes[0].value.messages[2]', alone('null')],
      ]);
    });

    const poison: Readonly<Record<string, readonly [reason: string, json: string]>> = {
      'a NUL in a text': ['nul_character', '{"id":"w","text":{"body":"a\\u0000b"}}'],
      'a NUL in a key': ['nul_character', '{"id":"w","x":[{"a\\u0000":1}]}'],
      'a NUL in the id': ['nul_character', '{"id":"w\\u0000"}'],
      'half of a surrogate pair in a text': ['lone_surrogate', '{"id":"w","text":{"body":"\\ud83c"}}'],
      'the wrong half in a key': ['lone_surrogate', '{"id":"w","\\udf89":1}'],
      'a pair in the wrong order': ['lone_surrogate', '{"id":"w","x":["\\udf89\\ud83c"]}'],
      'nesting of 65 levels': ['too_deep', `{"id":"w","x":${'['.repeat(64)}${']'.repeat(64)}}`],
      'nesting of 65 objects': ['too_deep', `${'{"id":'.repeat(65)}1${'}'.repeat(65)}`],
      'nesting of 10,000 levels': ['too_deep', `${'['.repeat(1e4)}${']'.repeat(1e4)}`],
      'nesting of 500,000 levels': ['too_deep', `${'['.repeat(5e5)}${']'.repeat(5e5)}`],
    };

    for (const [name, [reason, json]] of Object.entries(poison))
      it(`survives ${name}: the neighbours are decoded, the piece is kept whole`, () => {
        const good = JSON.stringify(GOOD);
        const elements = decodeWebhook(messagesText([good, json, good].join()));
        expect(elements.map(({ kind }) => kind)).to.deep.equal(['event', 'quarantined', 'event']);
        const [piece] = piecesIn(elements);
        expect(piece?.reason).to.equal(reason);
        expect(piece?.path).to.equal('entry[0].changes[0].value.messages[1]');
        expect(Buffer.from(piece?.raw ?? []).toString()).to.equal(messagesText(json).toString());
      });

    it('takes nesting of 64 levels and astral characters', () => {
      const deep = JSON.parse('['.repeat(63) + ']'.repeat(63)) as unknown;
      expect(quarantine(messageBody({ x: deep, '🎉': '🎉' }))).to.deep.equal([]);
    });

    it('quarantines an entry without id or changes', () => {
      const good = { id: '1', changes: [{ field: 'flows', value: {} }] };
      for (const bad of [null, 5, {}, { id: '1' }, { id: 5, changes: [] }, { changes: [] }, { id: '1', changes: {} }]) {
        const elements = decodeWebhook(webhook(good, bad, good));
        expect(elements.map(({ kind }) => kind)).to.deep.equal(['event', 'quarantined', 'event']);
        expect(quarantine(webhook(good, bad, good))).to.deep.equal(['wrong_shape entry[1]']);
      }
      expect(quarantine(webhook({ id: 'a\u0000', changes: [] }))).to.deep.equal(['nul_character entry[0]']);
    });

    it('quarantines a change without field or value', () => {
      const good = { field: 'flows', value: {} };
      for (const bad of [null, 5, [], {}, { field: 'flows' }, { value: {} }, { field: 5, value: {} }])
        expect(quarantine(webhook({ id: '1', changes: [good, bad] }))).to.deep.equal([
          'wrong_shape entry[0].changes[1]',
        ]);
      expect(quarantine(change('a\ud800', {}))).to.deep.equal(['lone_surrogate entry[0].changes[0]']);
      expect(quarantine(change('flows', { a: '\u0000' }))).to.deep.equal(['nul_character entry[0].changes[0]']);
    });

    it('quarantines a value of messages that is none, with all that is in it', () => {
      for (const value of [null, 5, 'text', [], { messages: {} }, { statuses: 'x' }, { contacts: {} }, { errors: 1 }])
        expect(quarantine(change('messages', value)), JSON.stringify(value)).to.deep.equal([
          'wrong_shape entry[0].changes[0]',
        ]);
      expect(onlyPiece(bodyOf('odd_value_null.json')).raw.toString()).to.contain('{"field":"messages","value":null}');
    });

    it('quarantines messages to no number together, with all that is in their change', () => {
      for (const metadata of [undefined, null, {}, { phone_number_id: '' }, { phone_number_id: 5 }]) {
        const piece = onlyPiece(change('messages', { metadata, messages: [GOOD, GOOD] }));
        expect([piece.reason, piece.path]).to.deep.equal(['wrong_shape', 'entry[0].changes[0]']);
        expect(piece.raw.toString()).to.contain('"good"');
      }
      const metadata = { phone_number_id: '1', display_phone_number: '\u0000' };
      expect(quarantine(change('messages', { metadata, messages: [GOOD] }))).to.deep.equal([
        'nul_character entry[0].changes[0]',
      ]);
    });

    it('quarantines a bad contact alone: the message goes on without it', () => {
      const contacts = [null, { user_id: 5 }, { wa_id: '1', profile: { name: 'a\u0000' } }, { wa_id: '2' }];
      const body = messagesChange({ contacts, messages: [GOOD] });
      expect(quarantine(body)).to.deep.equal([
        'wrong_shape entry[0].changes[0].value.contacts[0]',
        'wrong_shape entry[0].changes[0].value.contacts[1]',
        'nul_character entry[0].changes[0].value.contacts[2]',
      ]);
      const [decoded] = eventsIn(decodeWebhook(body));
      expect(decoded?.event.kind === 'message' && decoded.event.customer).to.deep.equal({ waId: '1' });
    });

    it('lets no error text that cannot be stored into a message', () => {
      const errors = [{ code: 1, title: '\u0000' }];
      const body = messagesChange({ messages: [GOOD], errors });
      expect(quarantine(body)).to.deep.equal(['nul_character entry[0].changes[0]']);
      const [decoded] = eventsIn(decodeWebhook(body));
      expect(decoded?.event).not.to.have.property('errors');
    });
  });

  it('changes no prototype, and passes a key __proto__ on as a key', () => {
    const text = contentOf('text', bodyOf('in_text_proto_pollution_keys.json'));
    expect(text).not.to.have.property('polluted');
    expect({}).not.to.have.property('polluted');
    const wire = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    const unknown = messagesText(`{"id":"w","type":"new","new":${wire}}`);
    const account = bytes(
      change('calls', { calls: 'WIRE' })
        .toString()
        .replace('"WIRE"', `[${wire},${wire}],"__proto__":{"polluted":true}`),
    );
    const { raw } = contentOf('unknown', unknown);
    expect(JSON.stringify(raw)).to.contain(wire);
    const values = eventsIn(decodeWebhook(account)).map(({ event }) => event.kind === 'account' && event.value);
    expect(values).to.have.lengthOf(2);
    for (const value of values) {
      expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
      expect(value).not.to.have.property('polluted');
      expect(JSON.stringify(value)).to.equal(`{"calls":[${wire}],"__proto__":{"polluted":true}}`);
    }
    const plain = onlyAccountEvent(bytes(change('x', 'WIRE').toString().replace('"WIRE"', wire)));
    expect(JSON.stringify(plain.event.value)).to.equal(wire);
    expect({}).not.to.have.property('polluted');
  });

  it('has keys that fit into an index, however long the ids are', () => {
    const long = (last: string) => ({
      id: `wamid.${'x'.repeat(500)}${last}`,
      status: 'y'.repeat(5000),
      timestamp: '1790000000',
    });
    const keys = keysIn(decodeWebhook(messagesChange({ statuses: [long('a'), long('b')] })));
    expect(keys[0]).to.match(/^sha256\|[0-9a-f]{64}$/);
    expect(new Set(keys).size).to.equal(2);
    expect(keysIn(decodeWebhook(bodyOf('odd_long_wamid.json')))[0])
      .to.have.lengthOf.above(300)
      .and.below(512);
  });

  it('of 3 MB and 1000 messages is decoded in a moment', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `${index}`);
    const body = messagesChange({
      contacts: ids.map((id) => ({ profile: { name: 'Zoë 🌈' }, wa_id: id })),
      messages: ids.map((id) => ({ ...GOOD, id: `wamid.${id}`, from: id, text: { body: 'Zoë 🌈 '.repeat(280) } })),
    });
    expect(body.length).to.be.within(2.5e6, 3.5e6);
    const startedMs = performance.now();
    const elements = decodeWebhook(body);
    const tookMs = performance.now() - startedMs;
    expect(eventsIn(elements)).to.have.lengthOf(1000);
    // 50 to 100 ms on a small machine; a quadratic search for contacts, or one schema for all, would be far slower.
    expect(tookMs).to.be.below(1000);
  });

  it('of Meta’s dashboard, with its made-up ids, is one like any other', () => {
    const value = {
      metadata: { phone_number_id: '123456123' },
      messages: [{ id: 'ABGGFlA5Fpa', from: '16315551181' }],
    };
    const { key, event } = onlyMessage(change('messages', value, { id: '0' }));
    expect(key.id).to.equal('m|123456123|ABGGFlA5Fpa');
    expect(event.businessAccountId).to.equal('0');
  });
});
