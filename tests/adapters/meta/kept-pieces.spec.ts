import { expect } from 'chai';
import fc from 'fast-check';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { WebhookElement } from '../../../src/core/ports/receiving.ts';
import {
  ACCOUNT_ID,
  bodyNames,
  bodyOf,
  bytes,
  change,
  contentOf,
  eventsIn,
  keysIn,
  messageBody,
  messagesChange,
  piecesIn,
  webhook,
} from './webhook-bodies.ts';

/** What an element would be kept as. */
function keptAs(element: WebhookElement): Buffer {
  const piece = element.kind === 'event' ? element.origin.quarantined('unstorable') : element.piece;
  return Buffer.from(piece.raw);
}

function whatIs(element: WebhookElement): object {
  if (element.kind === 'event') return { key: element.key, event: element.event };
  return { reason: element.piece.reason, raw: Buffer.from(element.piece.raw).toString() };
}

const GOOD = { id: 'wamid.GOOD', from: '1', timestamp: '1790000000', type: 'text', text: { body: 'good' } };

describe('A piece that is kept', () => {
  it('decodes to the very event, under the same key, or to the very piece: every element of every recorded body', () => {
    let count = 0;
    for (const name of bodyNames())
      for (const element of decodeWebhook(bodyOf(name))) {
        expect(decodeWebhook(keptAs(element)).map(whatIs), name).to.deep.equal([whatIs(element)]);
        count += 1;
      }
    expect(count).to.be.above(185);
  });

  it('does so among others: batched with people who are not its own, and errors beside it', () => {
    const person = (id: string) => ({ profile: { name: `Name of ${id}` }, wa_id: id, user_id: `US.${id}` });
    const contacts = ['1', '2', '3'].map(person);
    const errors = [{ code: 131_000, title: 'shared' }];
    const system = { type: 'user_changed_user_id', previous_user_id: 'US.2', user_id: 'US.9' };
    const messages = [
      GOOD,
      { ...GOOD, id: 'wamid.USER', from: undefined, from_user_id: 'US.3' },
      { ...GOOD, id: 'wamid.NOBODY', from: undefined },
      { ...GOOD, id: 'wamid.SYSTEM', from: undefined, type: 'system', system },
    ];
    const status = { id: 'wamid.S', status: 'sent', timestamp: '1790000000' };
    const statuses = [
      { ...status, recipient_id: '2' },
      { ...status, recipient_type: 'group', recipient_id: 'G', recipient_participant_user_id: 'US.1' },
    ];
    const elements = decodeWebhook(messagesChange({ contacts, messages, statuses, errors }));
    expect(eventsIn(elements)).to.have.lengthOf(6);
    for (const element of elements) expect(decodeWebhook(keptAs(element)).map(whatIs)).to.deep.equal([whatIs(element)]);
    const [first] = elements;
    expect(keptAs(first!).toString()).to.contain('Name of 1').and.not.to.contain('Name of 2');
  });

  it('keeps the time of the entry, which some account fields have alone', () => {
    const body = change('calls', { calls: [{ event: 'connect' }, { event: 'terminate' }] }, { time: 1_790_000_000 });
    for (const element of decodeWebhook(body)) {
      expect(element).to.have.nested.property('event.occurredAtMs', 1_790_000_000_000);
      expect(decodeWebhook(keptAs(element)).map(whatIs)).to.deep.equal([whatIs(element)]);
    }
  });

  it('gives the event that it would have been, once what was wrong with it is gone', () => {
    const spoil = ',"spoilt":"\\u0000"';
    for (const name of bodyNames()) {
      const whole = bodyOf(name).toString();
      // A message or status begins so in the recorded bodies; whatever else has an id is spoilt along with it.
      const spoilt = whole.replaceAll(/("id": ?"wamid[^"]*")/g, `$1${spoil}`);
      const pieces = piecesIn(decodeWebhook(bytes(spoilt))).filter(({ reason }) => reason === 'nul_character');
      const expected = keysIn(decodeWebhook(bytes(whole)));
      for (const { raw } of pieces)
        expect(expected, name).to.include.members(
          keysIn(decodeWebhook(bytes(Buffer.from(raw).toString().replaceAll(spoil, '')))),
        );
    }
    const body = messagesChange({ messages: [{ ...GOOD, spoilt: '\u0000' }] });
    const [piece] = piecesIn(decodeWebhook(body));
    const mended = decodeWebhook(bytes(Buffer.from(piece!.raw).toString().replace(spoil, '')));
    expect(mended.map(whatIs)).to.deep.equal(decodeWebhook(messagesChange({ messages: [GOOD] })).map(whatIs));
  });

  it('stays the same piece, whatever stands in its place', () => {
    const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
    fc.assert(
      fc.property(json, json, json, (message, contact, value) => {
        for (const body of [
          messagesChange({ messages: [GOOD, message], contacts: [contact], statuses: [message] }),
          change('messages', { metadata: { phone_number_id: '1' }, contacts: [contact] }),
          change('calls', { calls: [value, value], statuses: [message] }),
          change('messages', value),
          webhook({ id: '1', changes: [value, message] }, contact),
        ])
          for (const { raw, reason } of piecesIn(decodeWebhook(body)))
            expect(piecesIn(decodeWebhook(raw)).map(whatAgain)).to.deep.include(whatAgain({ raw, reason }));
      }),
      { numRuns: 200 },
    );
  });

  it('holds text, keys and nesting as they are, and an integer of any length', () => {
    const kept = (wire: string) => {
      const body = messagesChange({ messages: ['WIRE'] })
        .toString()
        .replace('"WIRE"', wire);
      return { body, raw: Buffer.from(piecesIn(decodeWebhook(bytes(body)))[0]!.raw).toString() };
    };
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const { body, raw } = kept(`{"id":"w","__proto__":{"a":1},"a\\u0000":"\\ud83c","deep":${deep}}`);
    expect(raw === body).to.equal(true);
    expect(kept('{"id":"\\u0000","long":9512345678901235678}').raw).to.contain('"long":"9512345678901235678"');
  });

  it('is small however large the rest is: a thousand bad ones do not keep a thousand bodies', () => {
    const large = 'x'.repeat(100_000);
    const bad = Array.from({ length: 1_000 }, () => ({ from: '1' }));
    const shared = {
      contacts: [{ wa_id: '1', profile: { name: large } }],
      errors: [{ code: 1, title: large }],
      metadata: { phone_number_id: '5', display_phone_number: large },
      unheardOf: large,
    };
    const calls = {
      metadata: { phone_number_id: '5', more: large },
      calls: Array.from({ length: 1_000 }, () => '\u0000'),
    };
    for (const body of [
      change('messages', { ...shared, messages: bad }, { time: large }),
      change('messages', { ...shared, statuses: bad }, { time: large, field: large }),
      change('calls', calls, { time: large }),
      webhook({ id: ACCOUNT_ID, time: large, field: large, changes: bad }),
    ]) {
      const startedMs = performance.now();
      const pieces = piecesIn(decodeWebhook(body)).filter(({ path }) => !path.endsWith('changes[0]'));
      expect(performance.now() - startedMs).to.be.below(2_000);
      expect(pieces).to.have.lengthOf.within(999, 1_000);
      const total = pieces.reduce((sum, { raw }) => sum + raw.length, 0);
      expect(total).to.be.below(1_000_000);
    }
    const [piece] = piecesIn(decodeWebhook(change('calls', calls)));
    expect(Buffer.from(piece!.raw).toString()).to.contain('{"metadata":{"phone_number_id":"5"},"calls":["\\u0000"]}');
  });

  it('takes a large envelope along as far as its event needs it', () => {
    const metadata = { phone_number_id: '5', display_phone_number: 'x'.repeat(100_000) };
    const [element] = decodeWebhook(change('messages', { metadata, messages: [GOOD] }));
    expect(keysIn(decodeWebhook(keptAs(element!)))).to.deep.equal(keysIn([element!]));
  });

  it('is no event if it is a bad contact, before it can be read', () => {
    const [piece] = piecesIn(decodeWebhook(messagesChange({ contacts: [{ wa_id: 5 }], messages: [GOOD] })));
    expect(decodeWebhook(piece!.raw).map(whatIs)).to.deep.equal([
      { reason: 'wrong_shape', raw: Buffer.from(piece!.raw).toString() },
    ]);
    const mended = Buffer.from(piece!.raw).toString().replace('"wa_id":5', '"wa_id":"5"');
    expect(eventsIn(decodeWebhook(bytes(mended))).map(({ event }) => event.kind)).to.deep.equal(['account']);
  });

  it('holds nothing of its neighbours', () => {
    const messages = [
      { ...GOOD, id: 5 },
      { ...GOOD, text: { body: 'somebody else’s' } },
    ];
    const [piece] = piecesIn(decodeWebhook(messagesChange({ messages })));
    expect(Buffer.from(piece!.raw).toString()).to.contain('"good"').and.not.to.contain('somebody');
    expect(contentOf('text', messageBody({ type: 'text', text: { body: 'a' } })).text).to.equal('a');
  });
});

function whatAgain({ raw, reason }: { readonly raw: Uint8Array; readonly reason: string }): object {
  return { reason, raw: Buffer.from(raw).toString() };
}
