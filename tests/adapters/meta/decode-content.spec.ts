import { expect } from 'chai';
import { bodyOf, contentOf, messageBody, onlyMessage } from './webhook-bodies.ts';

describe('The content of a message', () => {
  it('is the text, to the last control character', () => {
    const texts = {
      'in_text_multiline_controls.json': 'line1\nline2\r\nline3\ttab\u000b\u0001end',
      'in_text_html_and_json_injection.json': `<script>alert("x")</script> {"type":"system"} '; DROP TABLE messages;-- \${jndi:ldap://x}`,
      'in_text_whitespace_only.json': '   \u00a0\u200b\n',
      'wire_text_emoji_surrogates.json': '🎉👩🏽‍🚒',
      'wire_text_raw_utf8.json': 'こんにちは https://example.com',
      'wire_duplicate_keys.json': 'second',
    };
    for (const [name, text] of Object.entries(texts)) expect(contentOf('text', bodyOf(name)).text, name).to.equal(text);
    expect(contentOf('text', bodyOf('in_text_very_long_65536.json')).text).to.have.lengthOf(65_536);
  });

  it('is a file with what Meta says about it', () => {
    const image = contentOf('image', bodyOf('wire_image_escaped_slashes.json'));
    expect(image.media).to.deep.equal({
      id: '1003383421387077',
      mimeType: 'image/jpeg',
      sha256: 'CyUrl7mq/8Z91i4ZwCDHdBTlj32XtBwWAu6esD5lUw4=',
      url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387077&source=webhook&ext=1790000300&hash=AR3371b25be6-760FEA70176F',
    });
    expect(image.caption).to.equal('un café');
    const bare = contentOf('image', bodyOf('in_image_no_caption_no_url.json'));
    expect(bare).not.to.have.any.keys('caption');
    expect(bare.media).not.to.have.any.keys('url');
  });

  it('tells voice notes, animated stickers and named documents from others', () => {
    expect(contentOf('audio', bodyOf('in_audio_voice_note.json')).voice).to.equal(true);
    expect(contentOf('audio', messageBody({ type: 'audio', audio: { id: '1' } })).voice).to.equal(false);
    expect(contentOf('sticker', bodyOf('in_sticker_animated.json')).animated).to.equal(true);
    expect(contentOf('sticker', bodyOf('in_sticker_static.json')).animated).to.equal(false);
    const named = contentOf('document', bodyOf('in_document_pdf.json'));
    expect(named).to.deep.include({ caption: 'Signed', filename: 'contract 2026 (final).pdf' });
    expect(contentOf('document', bodyOf('in_document_no_filename.json'))).not.to.have.any.keys('filename', 'caption');
    expect(contentOf('video', bodyOf('in_video_3gpp_no_caption.json')).media.mimeType).to.equal('video/3gpp');
  });

  it('is a place', () => {
    expect(contentOf('location', bodyOf('in_location_place.json'))).to.deep.include({
      latitude: -33.8567844,
      longitude: 151.2152967,
      name: 'Example Café',
      address: '12 Example Street, Springfield',
      url: 'https://example.com/cafe',
    });
    const nameless = contentOf('location', messageBody({ type: 'location', location: { latitude: 0, longitude: 0 } }));
    expect(nameless).to.deep.include({ latitude: 0, longitude: 0 }).and.not.to.have.any.keys('name', 'address', 'url');
  });

  it('is cards of people, each whole as well', () => {
    const card = {
      name: { formatted_name: 'Ada L', first_name: 'Ada', last_name: 'L' },
      phones: [{ phone: '+1 555', wa_id: '1555', type: 'CELL' }, { phone: 5 }],
      emails: [{ email: 'ada@example.com' }],
    };
    const content = contentOf(
      'contacts',
      messageBody({ type: 'contacts', contacts: [card, { vcard: 'BEGIN' }, null] }),
    );
    expect(content.contacts).to.deep.equal([
      {
        formattedName: 'Ada L',
        firstName: 'Ada',
        lastName: 'L',
        phones: [{ phone: '+1 555', waId: '1555', type: 'CELL' }, {}],
        card,
      },
      { phones: [], card: { vcard: 'BEGIN' } },
      { phones: [], card: null },
    ]);
    expect(content).not.to.have.any.keys('origin');
  });

  it('has the origin of shared contacts from the message or from a card', () => {
    const onMessage = messageBody({ type: 'contacts', contacts: [{}], origin: 'contact_request' });
    const onCard = messageBody({ type: 'contacts', contacts: [{}, { origin: 'other' }] });
    expect(contentOf('contacts', onMessage).origin).to.equal('contact_request');
    expect(contentOf('contacts', onCard).origin).to.equal('other');
  });

  it('is a reaction, or one that is taken back', () => {
    expect(contentOf('reaction', bodyOf('in_reaction_skin_tone.json')).emoji).to.equal('🙏🏿');
    for (const reaction of [{ message_id: 'wamid.X' }, { message_id: 'wamid.X', emoji: '' }]) {
      const content = contentOf('reaction', messageBody({ type: 'reaction', reaction }));
      expect(content.messageId).to.equal('wamid.X');
      expect(content).not.to.have.any.keys('emoji');
    }
  });

  it('is a tap on a template’s button', () => {
    const { payload, text } = contentOf('button', bodyOf('in_button_template_quick_reply.json'));
    expect({ payload, text }).to.deep.equal({ payload: 'CONFIRM-8812', text: 'Confirm' });
  });

  it('is an order, also one with numbers written as text', () => {
    const item = { product_retailer_id: 'SKU', quantity: '2', item_price: 9.5, currency: 'USD' };
    const order = { catalog_id: 'C', text: 'please', product_items: [item] };
    const content = contentOf('order', messageBody({ type: 'order', order }));
    expect(content).to.deep.include({
      catalogId: 'C',
      text: 'please',
      items: [{ productRetailerId: 'SKU', quantity: 2, itemPrice: 9.5, currency: 'USD' }],
    });
    for (const quantity of ['two', '', '1e9', null, '9'.repeat(20)]) {
      const wrong = { ...order, product_items: [{ ...item, quantity }] };
      expect(contentOf('unknown', messageBody({ type: 'order', order: wrong })).reported).to.equal('order');
    }
  });

  it('is what changed about a person, under old and new names', () => {
    const number = contentOf('system', bodyOf('in_system_user_changed_number_bsuid.json'));
    expect(number).to.deep.include({
      change: 'user_changed_number',
      body: 'User Amara Okafor changed from 15550101001 to 15550109001',
      newWaId: '15550109001',
      previousUserId: 'US.40231187650923417765',
    });
    expect(number.value).to.deep.include({ user_id: 'US.40231187650923419999' });
    const legacy = contentOf('system', bodyOf('in_system_customer_changed_number_legacy.json'));
    expect(legacy.newWaId).to.equal('15550109001');
    expect(legacy).not.to.have.any.keys('previousUserId');
  });

  it('is an edit or a revocation of an earlier message', () => {
    const message = { type: 'text', text: { body: 'edited' } };
    const edit = { original_message_id: 'wamid.X', message };
    expect(contentOf('edit', messageBody({ type: 'edit', edit }))).to.deep.include({
      originalMessageId: 'wamid.X',
      edited: message,
    });
    expect(contentOf('edit', messageBody({ type: 'edit', edit: { original_message_id: 'X' } })).edited).to.equal(null);
    expect(contentOf('revoke', bodyOf('in_revoke.json')).originalMessageId).to.match(/^wamid\./);
  });

  it('is unsupported, by Meta’s own word', () => {
    const content = contentOf('unsupported', bodyOf('in_unsupported_131060.json'));
    expect(content.reported).to.equal('media_placeholder');
    expect(content.errors).to.deep.equal([
      {
        code: 131_060,
        title: 'This message is currently unavailable.',
        details: 'Message is unavailable (coexistence).',
      },
    ]);
    const older = messageBody({ type: 'unknown', unsupported: { type: 'gif' } });
    expect(contentOf('unsupported', older).reported).to.equal('gif');
  });

  it('is unknown, with the whole message, if the type is new, missing or named like a built-in property', () => {
    const { event } = onlyMessage(bodyOf('in_type_future_poll.json'));
    expect(event.type === 'unknown' && event.raw).to.deep.include({
      type: 'poll',
      poll: { question: 'When?', options: [{ name: 'Mon' }, { name: 'Tue' }] },
    });
    expect(contentOf('unknown', bodyOf('in_type_missing.json'))).not.to.have.any.keys('reported');
    for (const type of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])
      expect(contentOf('unknown', messageBody({ type })).reported).to.equal(type);
    expect(contentOf('unknown', messageBody({ type: 5 }))).not.to.have.any.keys('reported');
  });

  it('is unknown, with the whole message, if a known type has not its form', () => {
    const types = ['text', 'image', 'video', 'audio', 'document', 'sticker', 'location', 'contacts', 'reaction'];
    for (const type of [...types, 'button', 'order', 'system', 'edit', 'revoke'])
      for (const wrong of [undefined, null, 'text', 5, {}, { body: 5, id: 5, latitude: 'x' }]) {
        const content = contentOf('unknown', messageBody({ type, [type]: wrong }));
        expect(content.reported, type).to.equal(type);
        expect(content.raw).to.deep.include({ type, id: 'wamid.A' });
      }
  });
});
