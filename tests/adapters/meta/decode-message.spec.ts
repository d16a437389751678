import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import { conversationOf } from '../../../src/core/model.ts';
import {
  bodyOf,
  eventsIn,
  keysIn,
  messageBody,
  messagesChange,
  onlyMessage,
  PHONE_NUMBER_ID,
  quarantine,
} from './webhook-bodies.ts';

const AMARA = { profile: { name: 'Amara Okafor' }, wa_id: '15550101001', user_id: 'US.1' };
const JONAS = { profile: { name: 'Jonas Weber', username: 'jonas' }, wa_id: '491713920002', user_id: 'DE.2' };

describe('An inbound message', () => {
  it('has all that Meta says about it, in our words', () => {
    expect(onlyMessage(bodyOf('in_text_reply_context.json'))).to.deep.equal({
      key: {
        id: `m|${PHONE_NUMBER_ID}|wamid.HBgLMTU1NTAxMDEwMDEVAgASGBQzQUNGNTQ4N0U0ODYxOUVENkUxQgA=`,
        day: 20_717,
      },
      event: {
        kind: 'message',
        type: 'text',
        text: 'Yes please, that one',
        id: 'wamid.HBgLMTU1NTAxMDEwMDEVAgASGBQzQUNGNTQ4N0U0ODYxOUVENkUxQgA=',
        businessAccountId: '218765430912345',
        phoneNumberId: PHONE_NUMBER_ID,
        displayPhoneNumber: '15550100200',
        customer: { waId: '15550101001', userId: 'US.40231187650923417765', name: 'Amara Okafor' },
        sentAtMs: 1_790_000_007_000,
        context: { messageId: 'wamid.HBgLMTU1NTAxMDEwMDEVAgARGBJEM0U5REM0QjJBNTkwNkU5MjMA', from: '15550100200' },
      },
    });
  });

  it('holds no undefined field, which a store would not give back', () => {
    const { event } = onlyMessage(messageBody({ type: 'text', text: { body: 'x' } }));
    expect(Object.values(event)).not.to.include(undefined);
    expect(event).to.have.all.keys(
      ...[
        'kind',
        'type',
        'text',
        'id',
        'businessAccountId',
        'phoneNumberId',
        'displayPhoneNumber',
        'customer',
        'sentAtMs',
      ],
    );
  });

  describe('comes from a person', () => {
    it('who is found among the contacts by id, whatever their order', () => {
      const events = eventsIn(decodeWebhook(bodyOf('batch_contacts_order_reversed.json')));
      expect(events.map(({ event }) => event.kind === 'message' && event.customer.name)).to.deep.equal([
        'Amara Okafor',
        'Jonas Weber',
      ]);
    });

    it('who may have a BSUID only', () => {
      const contact = { profile: { name: 'Lucía' }, user_id: 'ES.7', parent_user_id: 'ES.ENT.7' };
      const message = { id: 'wamid.A', from_user_id: 'ES.7', type: 'text', text: { body: 'hola' } };
      const { event } = onlyMessage(messagesChange({ contacts: [contact], messages: [message] }));
      expect(event.customer).to.deep.equal({ userId: 'ES.7', parentUserId: 'ES.ENT.7', name: 'Lucía' });
      expect(conversationOf(event.phoneNumberId, event.groupId, event.customer)).to.equal(`${PHONE_NUMBER_ID}|ES.7`);
    });

    it('who may have no BSUID, in webhooks older than April 2026', () => {
      const { event } = onlyMessage(bodyOf('in_text_legacy_no_bsuid.json'));
      expect(event.customer).to.deep.equal({ waId: '15550101001', name: 'Amara Okafor' });
    });

    it('whose BSUID decides over a number that is somebody else’s by now', () => {
      const message = { id: 'wamid.A', from: AMARA.wa_id, from_user_id: JONAS.user_id };
      const { event } = onlyMessage(messagesChange({ contacts: [AMARA, JONAS], messages: [message] }));
      expect(event.customer).to.deep.equal({
        waId: AMARA.wa_id,
        userId: 'DE.2',
        name: 'Jonas Weber',
        username: 'jonas',
      });
    });

    it('whose number stays as in `from` where the wa_id differs', () => {
      const { event } = onlyMessage(bodyOf('in_text_wa_id_differs_from_from.json'));
      expect(event.customer.waId).to.equal('550055501007');
      expect(event.customer.name).to.equal('Bruno Alves');
    });

    it('who is nobody’s namesake: a contact with other ids is not taken', () => {
      const message = { id: 'wamid.A', from: '19990000000' };
      const { event } = onlyMessage(messagesChange({ contacts: [AMARA], messages: [message] }));
      expect(event.customer).to.deep.equal({ waId: '19990000000' });
    });

    it('who is the only contact, if the only message names nobody', () => {
      const one = messagesChange({ contacts: [AMARA], messages: [{ id: 'wamid.A' }] });
      expect(onlyMessage(one).event.customer.userId).to.equal('US.1');
      const two = messagesChange({ contacts: [AMARA], messages: [{ id: 'wamid.A' }, { id: 'wamid.B' }] });
      const customers = eventsIn(decodeWebhook(two)).map(({ event }) => event.kind === 'message' && event.customer);
      expect(customers).to.deep.equal([{}, {}]);
    });

    it('who writes in a group', () => {
      const { event } = onlyMessage(messageBody({ group_id: 'G1', type: 'text', text: { body: 'x' } }));
      expect(event.groupId).to.equal('G1');
      expect(event.customer.waId).to.equal('15550101001');
      expect(conversationOf(event.phoneNumberId, event.groupId, event.customer)).to.equal(`${PHONE_NUMBER_ID}|G1`);
    });

    it('who is known by the old id, if a system message about a new one has no sender', () => {
      const { event } = onlyMessage(bodyOf('in_system_user_changed_user_id.json'));
      expect(event.customer).to.deep.equal({ userId: 'ES.40231187650923417767' });
      const nameless = messagesChange({
        messages: [{ id: 'wamid.A', type: 'system', system: { type: 'user_changed_user_id', user_id: 'ES.8' } }],
      });
      expect(onlyMessage(nameless).event.customer).to.deep.equal({ userId: 'ES.8' });
    });
  });

  it('has a context only if there is one: a forwarded message answers nothing', () => {
    const contextOf = (context: unknown) => onlyMessage(messageBody({ context })).event.context;
    expect(contextOf({ forwarded: true })).to.deep.equal({ forwarded: 'once' });
    expect(contextOf({ frequently_forwarded: true })).to.deep.equal({ forwarded: 'frequently' });
    expect(contextOf({ forwarded: true, frequently_forwarded: true })).to.deep.equal({ forwarded: 'frequently' });
    for (const empty of [{}, null, 'text', [], { forwarded: false }, { id: 5 }])
      expect(contextOf(empty)).to.equal(undefined);
  });

  it('has the product that it asks about', () => {
    const { event } = onlyMessage(bodyOf('in_text_product_enquiry.json'));
    expect(event.context?.product).to.deep.equal({ catalogId: '194000111222333', productRetailerId: 'SKU-0042' });
  });

  it('has the ad that it came from, whole and in parts', () => {
    const { referral } = onlyMessage(bodyOf('in_text_ctwa_ad_image.json')).event;
    expect(referral).to.deep.include({
      sourceType: 'ad',
      sourceId: '120226300000000001',
      sourceUrl: 'https://fb.me/0aBcDeFgH',
      headline: 'Chat with us',
      body: 'Summer sale is on',
    });
    expect(referral?.clickId).to.match(/^ARAkLkA8rml/);
    expect(referral?.value).to.deep.include({ media_type: 'image', welcome_message: { text: 'Hi! How can we help?' } });
    expect(onlyMessage(messageBody({ referral: 'no object' })).event).not.to.have.property('referral');
  });

  describe('has errors', () => {
    const own = { code: 131051, title: 'Own', error_data: { details: 'why' } };
    const shared = { code: '131000', message: 'Shared', error_data: 'text' };
    const messages = [
      { id: 'wamid.A', from: '1', errors: [own] },
      { id: 'wamid.B', from: '1' },
    ];

    it('of its own, and those that stand beside it', () => {
      const events = eventsIn(decodeWebhook(messagesChange({ messages, errors: [shared] })));
      const ours = { code: 131_000, title: 'Shared', details: 'text' };
      expect(events.map(({ event }) => event.kind === 'message' && event.errors)).to.deep.equal([
        [{ code: 131_051, title: 'Own', details: 'why' }, ours],
        [ours],
      ]);
    });

    it('unless Meta’s cannot be read: then the value comes as an account event', () => {
      const body = messagesChange({ messages, errors: [{ title: 'no code' }] });
      expect(eventsIn(decodeWebhook(body)).map(({ event }) => event.kind)).to.deep.equal([
        'message',
        'message',
        'account',
      ]);
      const many = messagesChange({ messages, errors: Array.from({ length: 21 }, () => shared) });
      expect(eventsIn(decodeWebhook(many)).map(({ event }) => event.kind)).to.deep.equal([
        'message',
        'message',
        'account',
      ]);
    });

    it('and an account event has them, if no message takes them along', () => {
      const statuses = [{ id: 'wamid.A', status: 'sent', timestamp: '1790000000' }];
      for (const lists of [{ statuses }, { messages: [null] }]) {
        const events = eventsIn(decodeWebhook(messagesChange({ ...lists, errors: [shared] })));
        const last = events.at(-1)?.event;
        expect(last?.kind === 'account' && last.value).to.deep.include({ errors: [shared] });
      }
    });

    it('or none, where the list holds nothing of the kind', () => {
      for (const errors of [[], {}, 'text', [null], [5], [{}]])
        expect(onlyMessage(messageBody({ errors })).event).not.to.have.property('errors');
    });
  });

  it('is sent at 0 and keyed to day 0, if its time is missing or cannot be true', () => {
    const late = ['1790000000000', '0', '-5', '', 'yesterday', null, {}, 1e300, '1.79e9', 99_999_999_999_999];
    for (const timestamp of late) {
      const { key, event } = onlyMessage(messageBody({ timestamp }));
      expect({ ...key, sentAtMs: event.sentAtMs }, String(timestamp)).to.deep.include({ day: 0, sentAtMs: 0 });
    }
    const number = onlyMessage(messageBody({ timestamp: 1_790_000_000.7 }));
    expect(number.event.sentAtMs).to.equal(1_790_000_000_000);
    expect(number.key.day).to.equal(20_717);
  });

  it('has one key however often it comes', () => {
    const keys = keysIn(decodeWebhook(bodyOf('batch_duplicate_wamid_in_body.json')));
    expect(keys).to.have.lengthOf(2);
    expect(new Set(keys).size).to.equal(1);
  });

  it('has another key at another number', () => {
    const at = (phone: string) => ({ metadata: { phone_number_id: phone }, messages: [{ id: 'wamid.A' }] });
    const keys = ['1', '2'].map((phone) => onlyMessage(messagesChange(at(phone))).key.id);
    expect(keys).to.deep.equal(['m|1|wamid.A', 'm|2|wamid.A']);
  });

  it('is quarantined if what identifies it is missing or of a wrong type', () => {
    const place = 'wrong_shape entry[0].changes[0].value.messages[0]';
    const wrong = [
      { id: undefined },
      { id: '' },
      { id: 5 },
      { id: 'x'.repeat(513) },
      { from: 5 },
      { from_user_id: {} },
      { group_id: [] },
    ];
    for (const part of wrong) expect(quarantine(messageBody(part)), JSON.stringify(part)).to.deep.equal([place]);
    for (const message of [null, 'text', 5, [], [{}], true])
      expect(quarantine(messagesChange({ messages: [message] })), JSON.stringify(message)).to.deep.equal([place]);
    expect(quarantine(messageBody({ from: null, from_user_id: null, group_id: null }))).to.deep.equal([]);
  });
});
