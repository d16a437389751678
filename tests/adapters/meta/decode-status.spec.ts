import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { StatusUpdate } from '../../../src/core/model.ts';
import {
  bodyOf,
  eventsIn,
  keysIn,
  messagesChange,
  onlyStatus,
  PHONE_NUMBER_ID,
  quarantine,
  statusBody,
} from './webhook-bodies.ts';

function statusesIn(body: Buffer): StatusUpdate[] {
  return eventsIn(decodeWebhook(body)).flatMap(({ event }) => (event.kind === 'status' ? [event] : []));
}

describe('A status update', () => {
  it('has all that Meta says about it, in our words', () => {
    expect(onlyStatus(bodyOf('st_sent_pmp.json'))).to.deep.equal({
      key: {
        id: `s|${PHONE_NUMBER_ID}|wamid.HBgLMTU1NTAxMDEwMDEVAgARGBI3QjM0M0M0NDE3OUVFNDZCMkMA|sent||1790000093`,
        day: 20_717,
      },
      event: {
        kind: 'status',
        status: 'sent',
        reported: 'sent',
        messageId: 'wamid.HBgLMTU1NTAxMDEwMDEVAgARGBI3QjM0M0M0NDE3OUVFNDZCMkMA',
        businessAccountId: '218765430912345',
        phoneNumberId: PHONE_NUMBER_ID,
        recipient: { waId: '15550101001', userId: 'US.40231187650923417765', name: 'Amara Okafor' },
        occurredAtMs: 1_790_000_093_000,
        pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing' },
      },
    });
  });

  it('gives back our own id of the send', () => {
    const { event } = onlyStatus(statusBody({ biz_opaque_callback_data: '0b1f6a5e' }));
    expect(event.sendId).to.equal('0b1f6a5e');
  });

  it('may be for a person without a number', () => {
    const { event } = onlyStatus(bodyOf('st_delivered_bsuid_only.json'));
    expect(event.recipient).to.deep.equal({
      userId: 'ES.40231187650923417767',
      name: 'Lucía Fernández',
      username: 'lucia.fdez',
    });
  });

  it('has the parent BSUID under either of Meta’s names', () => {
    for (const name of ['parent_recipient_user_id', 'parent_user_id']) {
      const { event } = onlyStatus(statusBody({ recipient_user_id: 'US.1', [name]: 'US.ENT.1' }));
      expect(event.recipient, name).to.deep.equal({ userId: 'US.1', parentUserId: 'US.ENT.1' });
    }
  });

  it('has the errors of a failure, with details in either form', () => {
    expect(onlyStatus(bodyOf('st_failed_131047.json')).event.errors).to.deep.equal([
      {
        code: 131_047,
        title: 'Re-engagement message',
        details: 'More than 24 hours have passed since the recipient last replied to the sender number.',
      },
    ]);
    expect(onlyStatus(bodyOf('st_failed_error_data_string.json')).event.errors).to.deep.equal([
      { code: 131_026, title: 'Message undeliverable', details: 'plain string' },
    ]);
  });

  it('is unknown, by Meta’s word, if it is none of the five', () => {
    for (const word of ['deleted', 'warning', 'SENT', '__proto__', 'constructor', 'unknown']) {
      const { event } = onlyStatus(statusBody({ status: word }));
      expect([event.status, event.reported]).to.deep.equal(['unknown', word]);
    }
  });

  it('keeps the order of the body, which is not that of time', () => {
    const statuses = statusesIn(bodyOf('st_out_of_order.json'));
    expect(statuses.map(({ status }) => status)).to.deep.equal(['read', 'delivered', 'sent']);
    expect(new Set(keysIn(decodeWebhook(bodyOf('st_out_of_order.json')))).size).to.equal(3);
  });

  it('has the same key with its timestamp as text or as a number', () => {
    const [text, number] = ['1790000127', 1_790_000_127].map((timestamp) => onlyStatus(statusBody({ timestamp })));
    expect(text).to.deep.equal(number);
    expect(onlyStatus(bodyOf('st_timestamp_number.json')).event.occurredAtMs).to.equal(1_790_000_127_000);
  });

  it('has one key in the same second as another word for the same message, and another', () => {
    expect(new Set(keysIn(decodeWebhook(bodyOf('st_same_second.json')))).size).to.equal(2);
  });

  it('happened at 0 if nobody knows when', () => {
    const { key, event } = onlyStatus(statusBody({ timestamp: undefined }));
    expect(key).to.deep.equal({ id: `s|${PHONE_NUMBER_ID}|wamid.A|sent||`, day: 0 });
    expect(event.occurredAtMs).to.equal(0);
  });

  it('takes the pricing from the conversation where it stands in there', () => {
    const conversation = { id: 'c', pricing: { billable: true } };
    expect(onlyStatus(statusBody({ conversation })).event.pricing).to.deep.equal({ billable: true });
    expect(onlyStatus(statusBody({ conversation: { id: 'c' } })).event).not.to.have.property('pricing');
    expect(onlyStatus(statusBody({ conversation: 'odd' })).event).not.to.have.property('pricing');
  });

  describe('in a group', () => {
    it('is one of several for one message, each with its participant and key', () => {
      const body = bodyOf('st_group_read_aggregated.json');
      const statuses = statusesIn(body);
      expect(new Set(statuses.map(({ messageId }) => messageId)).size).to.equal(1);
      expect(new Set(keysIn(decodeWebhook(body))).size).to.equal(3);
      expect(
        statuses.map(({ participantId, recipient }) => [participantId, recipient.waId, recipient.name]),
      ).to.deep.equal([
        ['US.40231187650923417765', '15550101001', 'Amara Okafor'],
        ['DE.40231187650923417766', '491713920002', 'Jonas Weber'],
        ['GB.40231187650923417770', '447700900106', 'Zoë 🌈✨'],
      ]);
      for (const { groupId } of statuses) expect(groupId).to.match(/^Y2FwaV9ncm91cD/);
    });

    it('has a key of its own for each participant in the same second', () => {
      const participant = (id: string) => ({
        id: 'wamid.A',
        status: 'read',
        timestamp: '1790000000',
        recipient_id: 'G',
        recipient_type: 'group',
        recipient_participant_id: id,
      });
      const keys = keysIn(decodeWebhook(messagesChange({ statuses: [participant('1'), participant('2')] })));
      expect(new Set(keys).size).to.equal(2);
    });

    it('names the participant under either of Meta’s names', () => {
      const { event } = onlyStatus(bodyOf('st_group_participant_recipient_id.json'));
      expect(event.recipient).to.deep.equal({ waId: '491713920002', userId: 'DE.40231187650923417766' });
      const numberOnly = statusBody({ recipient_type: 'group', recipient_id: 'G', participant_recipient_id: '1' });
      expect(onlyStatus(numberOnly).event).to.deep.include({
        groupId: 'G',
        participantId: '1',
        recipient: { waId: '1' },
      });
    });
  });

  describe('of a payment', () => {
    const captured = {
      type: 'payment',
      status: 'captured',
      payment: { reference_id: 'r', transaction: { id: 't', status: 'pending', updated_timestamp: 1 } },
    };

    it('is unknown to the message, with the payment as Meta sent it', () => {
      const { event } = onlyStatus(bodyOf('st_payment_captured.json'));
      expect([event.status, event.reported]).to.deep.equal(['unknown', 'captured']);
      expect(event.payment).to.deep.include({ reference_id: 'ref-8812', notes: { k: 'v' } });
    });

    it('does not count as a delivery even if it uses the same word', () => {
      expect(onlyStatus(statusBody({ type: 'payment', status: 'failed' })).event.status).to.equal('unknown');
      expect(onlyStatus(statusBody({ type: 'message', status: 'failed' })).event.status).to.equal('failed');
    });

    it('has a new key when the payment moved on, and the same when it came again', () => {
      const later = { ...captured.payment, transaction: { id: 't', status: 'success', updated_timestamp: 2 } };
      const reordered = { transaction: { updated_timestamp: 1, status: 'pending', id: 't' }, reference_id: 'r' };
      const key = (payment: object) => onlyStatus(statusBody({ ...captured, payment })).key.id;
      expect(key(later)).not.to.equal(key(captured.payment));
      expect(key(reordered)).to.equal(key(captured.payment));
    });
  });

  it('is quarantined if what identifies it is missing or of a wrong type', () => {
    const place = 'wrong_shape entry[0].changes[0].value.statuses[0]';
    const wrong = [{ id: undefined }, { id: '' }, { id: 5 }, { status: undefined }, { status: '' }, { status: 1 }];
    for (const part of [...wrong, { recipient_id: 5 }])
      expect(quarantine(statusBody(part)), JSON.stringify(part)).to.deep.equal([place]);
    for (const status of [null, 'sent', []])
      expect(quarantine(messagesChange({ statuses: [status] }))).to.deep.equal([place]);
  });
});
