import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { AccountEvent } from '../../../src/core/model.ts';
import {
  ACCOUNT_ID,
  bodyOf,
  bytes,
  change,
  eventsIn,
  keysIn,
  onlyAccountEvent,
  PHONE_NUMBER_ID,
  quarantine,
  webhook,
} from './webhook-bodies.ts';

const metadata = { display_phone_number: '15550100200', phone_number_id: PHONE_NUMBER_ID };
const timestamp = '1790000000';

function valuesIn(body: Buffer): unknown[] {
  return eventsIn(decodeWebhook(body)).map(({ event }) => event.kind === 'account' && event.value);
}

function keyOf(field: string, value: unknown, entry: object = {}): string {
  return onlyAccountEvent(change(field, value, entry)).key.id;
}

describe('An account event', () => {
  it('has the field, and the value as Meta sent it', () => {
    const { key, event } = onlyAccountEvent(bodyOf('f_message_template_status_disabled.json'));
    expect(event).to.deep.equal({
      kind: 'account',
      field: 'message_template_status_update',
      businessAccountId: ACCOUNT_ID,
      occurredAtMs: 1_790_000_000_000,
      value: {
        event: 'DISABLED',
        message_template_id: 1_689_000_000_000_001,
        message_template_name: 'order_update',
        message_template_language: 'en_US',
        reason: null,
        disable_info: { disable_date: 'September 21, 2026' },
        message_template_category: 'UTILITY',
      },
    });
    expect(key.id).to.match(/^message_template_status_update\|[0-9a-f]{64}$/);
    expect(key.day).to.equal(20_717);
  });

  it('says who called, where a customer began the call: that opens the service window', () => {
    const call = { id: 'wacid.1', from: '15550101001', to: '15550100200', timestamp, event: 'connect' };
    const callOf = (over: object) =>
      onlyAccountEvent(change('calls', { metadata, calls: [{ ...call, ...over }] })).event.call;
    const began = { direction: 'USER_INITIATED' };
    expect(callOf(began)).to.deep.equal({ customer: { waId: '15550101001' }, openedAtMs: 1_790_000_000_000 });
    expect(callOf({ ...began, from: undefined, from_user_id: 'US.1' })?.customer).to.deep.equal({ userId: 'US.1' });
    for (const other of [
      { direction: 'BUSINESS_INITIATED' },
      { ...began, event: 'terminate' },
      { ...began, timestamp: 'soon' },
      { ...began, from: undefined },
    ])
      expect(callOf(other), JSON.stringify(other)).to.equal(undefined);
  });

  it('may have any value, and any name of a field', () => {
    for (const value of [null, 'text', 5, false, [], [1, { a: 2 }], {}])
      expect(onlyAccountEvent(change('brand_new', value)).event.value).to.deep.equal(value);
    for (const field of ['__proto__', 'constructor', ''])
      expect(onlyAccountEvent(change(field, {})).event.field).to.equal(field);
  });

  it('knows the number that it is about from wherever its field names it', () => {
    const numbers = (name: string) => onlyAccountEvent(bodyOf(name)).event.phoneNumberId;
    expect(numbers('f_group_lifecycle_create.json')).to.equal(PHONE_NUMBER_ID);
    expect(numbers('f_messaging_handovers_control_passed.json')).to.equal(PHONE_NUMBER_ID);
    expect(numbers('f_account_settings_update_calling.json')).to.equal(PHONE_NUMBER_ID);
    expect(numbers('f_account_alerts.json')).to.equal(PHONE_NUMBER_ID);
    expect(numbers('f_account_update_offboarded.json')).to.equal(undefined);
    const business = { entity_type: 'BUSINESS', entity_id: '1' };
    expect(onlyAccountEvent(change('account_alerts', business)).event).not.to.have.property('phoneNumberId');
    expect(onlyAccountEvent(change('x', { metadata: { phone_number_id: 5 } })).event).not.to.have.property(
      'phoneNumberId',
    );
  });

  it('happened when the item, the value, the entry or the first item of a list says', () => {
    const timeOf = (field: string, value: object, entry: object = {}) => {
      const { key, event } = onlyAccountEvent(change(field, value, entry));
      expect(key.day).to.equal(Math.floor((event.occurredAtMs ?? 0) / 86_400_000));
      return event.occurredAtMs;
    };
    const entry = { time: 1_790_000_003 };
    const lists = { groups: [{ timestamp: 1_790_000_004 }] };
    const item = { metadata, calls: [{ id: 'c', timestamp: 1_790_000_001 }], timestamp: 1_790_000_002 };
    expect(timeOf('calls', item, entry)).to.equal(1_790_000_001_000);
    expect(timeOf('x', { ...lists, timestamp: '1790000002' }, entry)).to.equal(1_790_000_002_000);
    expect(timeOf('x', lists, entry)).to.equal(1_790_000_003_000);
    expect(timeOf('x', lists)).to.equal(1_790_000_004_000);
    expect(timeOf('x', { groups: [{}] })).to.equal(undefined);
  });

  describe('without an id', () => {
    const value = { event: 'APPROVED', nested: { a: 1, b: [1, 2] } };

    it('has the same key when it comes again, whatever the order of its keys', () => {
      const again = { nested: { b: [1, 2], a: 1 }, event: 'APPROVED' };
      expect(keyOf('f', value, { time: 1 })).to.equal(keyOf('f', again, { time: 1 }));
    });

    it('has another key with another field, time, account or content', () => {
      const keys = [
        keyOf('f', value, { time: 1 }),
        keyOf('g', value, { time: 1 }),
        keyOf('f', value, { time: 2 }),
        keyOf('f', value),
        keyOf('f', value, { time: 1, id: 'other' }),
        keyOf('f', { ...value, event: 'REJECTED' }, { time: 1 }),
        keyOf('f', { ...value, nested: { a: 1, b: [2, 1] } }, { time: 1 }),
      ];
      expect(new Set(keys).size).to.equal(keys.length);
    });
  });

  it('is made of Meta’s warning that a webhook is lost', () => {
    const { event } = onlyAccountEvent(bodyOf('err_value_131035_no_storage.json'));
    expect(event).to.deep.include({ field: 'messages', phoneNumberId: PHONE_NUMBER_ID });
    expect((event.value as unknown as { errors: { code: number }[] }).errors[0]?.code).to.equal(131_035);
  });

  it('is made of a list in the field messages that this version does not know', () => {
    const value = { metadata, polls: [{ id: 1 }], messages: [] };
    expect(onlyAccountEvent(change('messages', value)).event).to.deep.include({ field: 'messages', value });
  });

  it('is made of a change whose field stands in the entry', () => {
    const body = webhook({ id: ACCOUNT_ID, field: 'account_update', changes: [{ value: { event: 'X' } }] });
    expect(onlyAccountEvent(body).event).to.deep.include({ field: 'account_update', value: { event: 'X' } });
  });

  it('keeps an integer beyond 2^53 as its digits', () => {
    const body = bytes(
      `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"x","value":{"message_template_id": 9512345678901235}}]}]}`,
    );
    expect(onlyAccountEvent(body).event.value).to.deep.equal({ message_template_id: '9512345678901235' });
  });

  describe('of a field that lists things with ids', () => {
    const call = (id: string, event: string) => ({ id, event, timestamp, from: '1' });
    const ringing = { id: 'wacid.1', type: 'call', status: 'RINGING', timestamp };

    it('is one for each thing, with only this one in its value', () => {
      const calls = [call('wacid.1', 'connect'), call('wacid.2', 'connect')];
      const value = { metadata, contacts: [{ wa_id: '1' }], calls, statuses: [ringing], errors: [{ code: 1 }] };
      const { calls: _calls, statuses: _statuses, ...rest } = value;
      expect(valuesIn(change('calls', value))).to.deep.equal([
        { ...rest, calls: [calls[0]] },
        { ...rest, calls: [calls[1]] },
        { ...rest, statuses: [ringing] },
      ]);
    });

    it('has the same key alone and among others', () => {
      const calls = [call('wacid.1', 'connect'), call('wacid.1', 'terminate'), call('wacid.2', 'connect')];
      const together = keysIn(decodeWebhook(change('calls', { metadata, calls, statuses: [ringing] })));
      const alone = [...calls.map((one) => ({ calls: [one] })), { statuses: [ringing] }].map((lists) =>
        keyOf('calls', { metadata, ...lists }),
      );
      expect(together).to.deep.equal(alone);
      expect(new Set(together).size).to.equal(4);
      expect(together[0]).to.equal(`calls|${PHONE_NUMBER_ID}|wacid.1|connect||${timestamp}`);
      expect(together[3]).to.equal(`calls|${PHONE_NUMBER_ID}|wacid.1||RINGING|${timestamp}`);
    });

    it('is one for each echo, apart from the other kind of echo', () => {
      const echoes = ['wamid.A', 'wamid.B'].map((id) => ({ id, timestamp, type: 'text' }));
      for (const field of ['message_echoes', 'smb_message_echoes']) {
        const body = change(field, { metadata, message_echoes: echoes });
        expect(keysIn(decodeWebhook(body))).to.deep.equal(
          ['A', 'B'].map((id) => `${field}|${PHONE_NUMBER_ID}|wamid.${id}`),
        );
        expect(valuesIn(body)).to.deep.equal(echoes.map((echo) => ({ metadata, message_echoes: [echo] })));
      }
    });

    it('is one for each copy in standby, which never passes for the thing itself', () => {
      const message = { id: 'wamid.A', from: '1', timestamp };
      const status = { id: 'wamid.A', status: 'sent', timestamp };
      const standby = { contacts: [], messages: [message], statuses: [status], message_echoes: [message] };
      const body = change('standby', { metadata, standby });
      expect(keysIn(decodeWebhook(body))).to.deep.equal([
        `standby|m|${PHONE_NUMBER_ID}|wamid.A`,
        `standby|s|${PHONE_NUMBER_ID}|wamid.A|sent||${timestamp}`,
        `standby|e|${PHONE_NUMBER_ID}|wamid.A`,
      ]);
      expect(valuesIn(body)).to.deep.equal([
        { metadata, standby: { contacts: [], messages: [message] } },
        { metadata, standby: { contacts: [], statuses: [status] } },
        { metadata, standby: { contacts: [], message_echoes: [message] } },
      ]);
    });

    it('keeps a thing without an id, recognised by its content', () => {
      const echoes = [{ text: 'a' }, { text: 'b' }, null];
      const keys = keysIn(decodeWebhook(change('message_echoes', { metadata, message_echoes: echoes })));
      expect(new Set(keys).size).to.equal(3);
      expect(keys[0]).to.equal(keyOf('message_echoes', { metadata, contacts: [{}], message_echoes: [{ text: 'a' }] }));
      const standby = { statuses: [{ id: 'wamid.A', timestamp }] };
      expect(keyOf('standby', { metadata, standby })).to.match(/^standby\|[0-9a-f]{64}$/);
      expect(keyOf('calls', { calls: [call('c', 'connect')] })).to.match(/^calls\|[0-9a-f]{64}$/);
    });

    it('quarantines the one thing that cannot be stored, not its neighbours', () => {
      const calls = [call('wacid.1', 'a'), call('wacid.2', '\u0000'), call('wacid.3', 'b')];
      const body = change('calls', { metadata, calls });
      expect(quarantine(body)).to.deep.equal(['nul_character entry[0].changes[0].value.calls[1]']);
      expect(keysIn(decodeWebhook(body))).to.have.lengthOf(2);
    });

    it('quarantines the change if what they share cannot be stored', () => {
      const calls = [call('wacid.1', 'a'), call('wacid.2', 'b')];
      const body = change('calls', { metadata, contacts: [{ name: '\u0000' }], calls });
      expect(quarantine(body)).to.deep.equal(['nul_character entry[0].changes[0]']);
    });

    it('leaves a history whole, however many messages it brings', () => {
      const value = { metadata, messages: [{ id: 'wamid.A' }, { id: 'wamid.B' }] };
      expect(onlyAccountEvent(change('history', value)).event.value).to.deep.equal(value);
    });

    it('takes a list that is none as it is', () => {
      for (const value of [{ metadata, calls: 'x' }, { metadata, standby: [] }, [], null])
        for (const field of ['calls', 'standby'])
          expect((onlyAccountEvent(change(field, value)).event as AccountEvent).value).to.deep.equal(value);
    });
  });
});
