import { expect } from 'chai';
import { requestBody } from '../../../src/adapters/meta/graph-request.ts';
import type { OutboundMessage } from '../../../src/core/model.ts';
import type { OutboundContent } from '../../../src/core/outbound-content.ts';

function bodyOf(content: OutboundContent, over: Partial<OutboundMessage> = {}): unknown {
  const to = { waId: '15550100001' };
  return JSON.parse(requestBody({ sendId: 'send-1', phoneNumberId: '106540352242922', to, content, ...over }));
}

const COMMON = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+15550100001',
  biz_opaque_callback_data: 'send-1',
};

const HELLO: OutboundContent = { type: 'text', text: 'Hello' };

describe('requestBody', () => {
  it('writes a text', () => {
    expect(bodyOf(HELLO)).to.deep.equal({ ...COMMON, type: 'text', text: { body: 'Hello' } });
  });

  it('writes whether a text shows a preview of its link', () => {
    const text = 'https://example.com';
    for (const previewUrl of [true, false])
      expect(bodyOf({ type: 'text', text, previewUrl })).to.deep.include({
        text: { body: text, preview_url: previewUrl },
      });
  });

  it('writes an image by its link, with its caption unless that is empty', () => {
    const link = 'https://example.com/a.png';
    const without = { ...COMMON, type: 'image', image: { link } };
    expect(bodyOf({ type: 'image', link })).to.deep.equal(without);
    expect(bodyOf({ type: 'image', link, caption: '' })).to.deep.equal(without);
    expect(bodyOf({ type: 'image', link, caption: 'A' })).to.deep.include({ image: { link, caption: 'A' } });
  });

  it('writes buttons as an interactive message', () => {
    const buttons = [
      { id: 'yes', title: 'Yes' },
      { id: 'no', title: 'No' },
    ];
    const action = {
      buttons: [
        { type: 'reply', reply: { id: 'yes', title: 'Yes' } },
        { type: 'reply', reply: { id: 'no', title: 'No' } },
      ],
    };
    const bare = { ...COMMON, type: 'interactive', interactive: { type: 'button', body: { text: 'Well?' }, action } };
    expect(bodyOf({ type: 'buttons', text: 'Well?', buttons })).to.deep.equal(bare);
    expect(bodyOf({ type: 'buttons', text: 'Well?', buttons, header: '', footer: '' })).to.deep.equal(bare);
    expect(bodyOf({ type: 'buttons', text: 'Well?', buttons, header: 'H', footer: 'F' })).to.deep.include({
      interactive: {
        type: 'button',
        header: { type: 'text', text: 'H' },
        body: { text: 'Well?' },
        footer: { text: 'F' },
        action,
      },
    });
  });

  it('writes a WhatsApp id with a plus, so that Meta does not prepend a country code', () => {
    expect(bodyOf(HELLO, { to: { waId: '4915550100001' } })).to.include({ to: '+4915550100001' });
  });

  it('writes a user id as the recipient, only where there is no WhatsApp id', () => {
    const alone = bodyOf(HELLO, { to: { userId: 'US.1349' } });
    expect(alone).to.include({ recipient_type: 'individual', recipient: 'US.1349' }).and.not.have.property('to');
    const both = bodyOf(HELLO, { to: { waId: '15550100001', userId: 'US.1349' } });
    expect(both).to.include({ to: '+15550100001' }).and.not.have.property('recipient');
  });

  it('writes to a group by its id as it is', () => {
    const body = bodyOf(HELLO, { to: { groupId: 'Y2FwaV8x', waId: '15550100001' } });
    expect(body).to.include({ recipient_type: 'group', to: 'Y2FwaV8x' }).and.not.have.property('recipient');
  });

  it('quotes the message that it replies to, and none otherwise', () => {
    expect(bodyOf(HELLO, { replyTo: 'wamid.IN1' })).to.deep.include({ context: { message_id: 'wamid.IN1' } });
    expect(bodyOf(HELLO)).not.to.have.property('context');
  });

  it('carries our send id, which its statuses bring back', () => {
    expect(bodyOf(HELLO, { sendId: 'send-7' })).to.include({ biz_opaque_callback_data: 'send-7' });
  });
});
