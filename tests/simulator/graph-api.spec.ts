import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { buttonsTo, post, textTo } from './graph-client.ts';

const ANA = '+15550100001';
const KIM = 'US.20718355490126637745';

const of = (type: string, content: unknown): object => ({
  messaging_product: 'whatsapp',
  to: ANA,
  type,
  [type]: content,
});

describe('Simulated Graph API', () => {
  let meta: Simulator;
  beforeEach(async () => {
    meta = await createSimulator();
  });
  afterEach(() => meta.close());

  it('accepts a message to a phone with its wa_id and a wamid, and keeps it in the transcript', async () => {
    const { status, body, headers } = await post(meta, textTo(ANA, 'Hello Ana!'));

    expect(status).to.equal(200);
    const id = body.messages?.[0]?.id;
    expect(body).to.deep.equal({
      messaging_product: 'whatsapp',
      contacts: [{ input: ANA, wa_id: '15550100001' }],
      messages: [{ id }],
    });
    expect(Buffer.from(String(id).slice(6), 'base64').toString('latin1')).to.contain('15550100001\x15\x02\x00\x11');
    expect(headers.get('facebook-api-version')).to.equal('v25.0');
    expect(headers.get('x-fb-trace-id')).to.match(/^[\w-]{11}$/);
    expect(meta.transcript).to.have.lengthOf(1);
    expect(meta.transcript[0]).to.include({ direction: 'outbound', customer: 'ana', text: 'Hello Ana!', wamid: id });
  });

  it('accepts a message to a BSUID and shows the user_id instead of a wa_id', async () => {
    const { body } = await post(meta, { messaging_product: 'whatsapp', recipient: KIM, text: { body: 'Hi' } });
    expect(body.contacts).to.deep.equal([{ input: KIM, user_id: KIM }]);
    expect(meta.transcript[0]).to.include({ customer: 'kim', type: 'text' });
  });

  it('lets `to` go before `recipient`', async () => {
    const { body } = await post(meta, textTo(ANA, 'Hi', { recipient: KIM }));
    expect(body.contacts).to.deep.equal([{ input: ANA, wa_id: '15550100001' }]);
  });

  it('takes a number with spaces, dashes and brackets, and one of a stranger', async () => {
    const { body } = await post(meta, textTo('+1 (555) 010-0077'));
    expect(body.contacts).to.deep.equal([{ input: '+1 (555) 010-0077', wa_id: '15550100077' }]);
    expect(meta.customer('15550100077').waId).to.equal('15550100077');
  });

  it('accepts a message to a group', async () => {
    const { body } = await post(meta, textTo('120363000000000001', 'Hi', { recipient_type: 'group' }));
    expect(body.messages?.[0]?.group_id).to.equal('120363000000000001');
  });

  it('accepts every version', async () => {
    const { headers } = await post(meta, textTo(ANA), { path: `../v99.1/${meta.business.phoneNumberId}/messages` });
    expect(headers.get('facebook-api-version')).to.equal('v99.1');
  });

  for (const [name, content] of Object.entries({
    'text of 4,096 characters': of('text', { body: 'x'.repeat(4096), preview_url: true }),
    'image by link with a caption of 1,024': of('image', {
      link: 'https://example.com/a.jpg',
      caption: 'x'.repeat(1024),
    }),
    'image by id': of('image', { id: '1003383421387077' }),
    'template without components': of('template', { name: 'hello_world', language: { code: 'en_US' } }),
    'template with parameters': of('template', {
      name: 'order',
      language: { code: 'pt_BR' },
      components: [
        { type: 'body', parameters: [{ type: 'text', text: 'Ana' }] },
        { type: 'button', sub_type: 'quick_reply', index: '0' },
      ],
    }),
    'three buttons with header and footer': buttonsTo(ANA, ['x'.repeat(20), 'b', 'c'], {
      header: { type: 'text', text: 'x'.repeat(60) },
      footer: { text: 'x'.repeat(60) },
    }),
    'buttons under an image': buttonsTo(ANA, ['a'], {
      header: { type: 'image', image: { link: 'https://example.com/a.png' } },
    }),
    list: of('interactive', {
      type: 'list',
      body: { text: 'b' },
      action: { button: 'Menu', sections: [{ rows: [{ id: 'a', title: 'A' }] }] },
    }),
    location: of('location', { latitude: -33.85, longitude: 151.2 }),
    reaction: of('reaction', { message_id: 'wamid.x', emoji: '👍' }),
    contacts: of('contacts', [{ name: { formatted_name: 'A' } }]),
    sticker: of('sticker', { id: '1' }),
    quotation: textTo(ANA, 'Hi', { context: { message_id: 'wamid.x' } }),
    'callback data of 512 characters': textTo(ANA, 'Hi', { biz_opaque_callback_data: 'x'.repeat(512) }),
  }))
    it(`accepts ${name}`, async () => {
      const { status, body } = await post(meta, content);
      expect(body.error).to.equal(undefined);
      expect(status).to.equal(200);
    });

  const refused: Readonly<Record<string, readonly [body: unknown, code: number, words: string]>> = {
    'no JSON': ['{"messaging_product"', 100, 'not a JSON object'],
    'no messaging_product': [{ to: ANA, text: { body: 'Hi' } }, 100, 'The parameter messaging_product is required.'],
    'no recipient': [textTo(''), 100, 'The parameter to is required.'],
    'a number that is none': [textTo('Ana'), 131009, 'The phone number is malformed'],
    'a BSUID that is none': [{ messaging_product: 'whatsapp', recipient: 'kim' }, 100, 'business-scoped user ID'],
    'the business itself': [textTo('+15550783881'), 131021, 'Recipient cannot be sender'],
    'a type that is no text': [textTo(ANA, 'Hi', { type: 7 }), 100, 'Param type must be a string'],
    'an unknown type': [of('jpeg', {}), 100, 'Param type must be one of {AUDIO, '],
    'a missing content': [textTo(ANA, 'Hi', { text: undefined }), 100, 'The parameter text is required.'],
    'a content that is no object': [of('text', 'Hi'), 100, 'Param text must be a JSON object'],
    'empty text': [textTo(ANA, ''), 100, "The parameter text['body'] is required."],
    'text of 4,097 characters': [textTo(ANA, 'x'.repeat(4097)), 100, 'must be at most 4096 characters long'],
    'text that is a number': [of('text', { body: 7 }), 100, "text['body'] must be a string"],
    'preview_url that is no boolean': [of('text', { body: 'Hi', preview_url: 'yes' }), 100, 'must be a boolean'],
    'an image without id and link': [of('image', {}), 100, 'Exactly one of'],
    'an image with id and link': [of('image', { id: '1', link: 'https://example.com/a.jpg' }), 100, 'Exactly one of'],
    'a link that is none': [of('image', { link: 'a.jpg' }), 131009, 'not a valid URL'],
    'a caption of 1,025': [
      of('image', { link: 'https://example.com/a.jpg', caption: 'x'.repeat(1025) }),
      131009,
      'Caption length invalid',
    ],
    'a template without language': [of('template', { name: 'a' }), 100, "template['language']['code'] is required"],
    'components that are no list': [
      of('template', { name: 'a', language: { code: 'en' }, components: {} }),
      100,
      'must be an array',
    ],
    'a component that is none': [
      of('template', { name: 'a', language: { code: 'en' }, components: [7] }),
      100,
      'must be a JSON object',
    ],
    'an unknown component': [
      of('template', { name: 'a', language: { code: 'en' }, components: [{ type: 'tail' }] }),
      100,
      'got "tail"',
    ],
    'a button component without index': [
      of('template', { name: 'a', language: { code: 'en' }, components: [{ type: 'button', sub_type: 'url' }] }),
      131008,
      'sub_type and index',
    ],
    'parameters that are no list': [
      of('template', { name: 'a', language: { code: 'en' }, components: [{ type: 'body', parameters: {} }] }),
      100,
      'must be an array',
    ],
    'a parameter without type': [
      of('template', { name: 'a', language: { code: 'en' }, components: [{ type: 'body', parameters: [{}] }] }),
      131008,
      'needs a type',
    ],
    'an interactive without type': [of('interactive', {}), 131008, 'Interactive type is missing'],
    'an interactive without action': [of('interactive', { type: 'button' }), 131008, 'Interactive action is missing'],
    'no button': [buttonsTo(ANA, []), 131009, 'Min allowed buttons: 1, Max allowed buttons: 3'],
    'four buttons': [buttonsTo(ANA, ['a', 'b', 'c', 'd']), 131009, 'Max allowed buttons: 3'],
    'a button title of 21': [
      buttonsTo(ANA, ['x'.repeat(21)]),
      131009,
      'Button title length invalid. Min length: 1, Max length: 20',
    ],
    'an empty button title': [buttonsTo(ANA, ['']), 131009, 'Button title length invalid'],
    'a button id of 257': [
      buttonsTo(ANA, [], { action: { buttons: [{ type: 'reply', reply: { id: 'x'.repeat(257), title: 'a' } }] } }),
      131009,
      'Button id length invalid',
    ],
    'a button id that is a number': [
      buttonsTo(ANA, [], { action: { buttons: [{ type: 'reply', reply: { id: 7, title: 'a' } }] } }),
      131009,
      'Button id must be a string',
    ],
    'a button that is no reply button': [
      buttonsTo(ANA, [], { action: { buttons: [{ type: 'url' }] } }),
      131009,
      'Button type must be reply',
    ],
    'two buttons of one title': [buttonsTo(ANA, ['a', 'a']), 131009, 'Button titles must be unique'],
    'buttons without body': [buttonsTo(ANA, ['a'], { body: undefined }), 131008, 'Body text is missing'],
    'a body of 1,025': [
      buttonsTo(ANA, ['a'], { body: { text: 'x'.repeat(1025) } }),
      131009,
      'Body text length invalid',
    ],
    'a footer of 61': [
      buttonsTo(ANA, ['a'], { footer: { text: 'x'.repeat(61) } }),
      131009,
      'Footer text length invalid',
    ],
    'a header of 61': [
      buttonsTo(ANA, ['a'], { header: { type: 'text', text: 'x'.repeat(61) } }),
      131009,
      'Header text length invalid',
    ],
    'a header without type': [buttonsTo(ANA, ['a'], { header: {} }), 131008, 'Header type is missing'],
    'a header of another type': [buttonsTo(ANA, ['a'], { header: { type: 'audio' } }), 131009, 'Header type audio'],
    'a header without its image': [
      buttonsTo(ANA, ['a'], { header: { type: 'image' } }),
      131008,
      'Header image is missing',
    ],
    'a location without longitude': [of('location', { latitude: 1 }), 131008, 'latitude and longitude'],
    'a reaction to nothing': [of('reaction', { emoji: '👍' }), 100, "reaction['message_id'] is required"],
    'a reaction without emoji': [of('reaction', { message_id: 'wamid.x' }), 100, "reaction['emoji'] is required"],
    'contacts that are no list': [of('contacts', {}), 100, 'contacts must be an array'],
    'a context without message_id': [textTo(ANA, 'Hi', { context: {} }), 100, "context['message_id'] is required"],
    'callback data of 513': [
      textTo(ANA, 'Hi', { biz_opaque_callback_data: 'x'.repeat(513) }),
      100,
      'at most 512 characters',
    ],
    'a receipt without message_id': [
      { messaging_product: 'whatsapp', status: 'read' },
      100,
      'The parameter message_id is required.',
    ],
    'a receipt for no wamid': [
      { messaging_product: 'whatsapp', status: 'read', message_id: '7' },
      131009,
      'Message ID is invalid.',
    ],
    'a receipt of another status': [
      { messaging_product: 'whatsapp', status: 'played', message_id: 'wamid.x' },
      100,
      'got "played"',
    ],
    'an unknown typing indicator': [
      { messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.x', typing_indicator: {} },
      100,
      'typing_indicator',
    ],
  };
  for (const [name, [request, code, words]] of Object.entries(refused))
    it(`refuses ${name} with ${code}`, async () => {
      const { status, body } = await post(meta, request);
      expect(status).to.equal(400);
      expect(body.error?.code).to.equal(code);
      expect(`${body.error?.message} ${body.error?.error_data?.details}`).to.contain(words);
      expect(body.error?.message).to.match(new RegExp(`^\\(#${code}\\) `));
      expect(body.error?.fbtrace_id).to.match(/^A[\w-]{22}$/);
      expect(meta.transcript).to.deep.equal([]);
    });

  it('refuses a wrong token with 401 and 190, before anything else', async () => {
    const { status, body } = await post(meta, 'not even JSON', { token: 'wrong', path: '7/messages' });
    expect(status).to.equal(401);
    expect(body.error).to.include({ code: 190, type: 'OAuthException' });
  });

  it('refuses an unknown phone number id with 100 and subcode 33', async () => {
    const { status, body } = await post(meta, textTo(ANA), { path: '7/messages' });
    expect(status).to.equal(400);
    expect(body.error).to.include({ code: 100, error_subcode: 33, type: 'GraphMethodException' });
    expect(body.error?.message).to.contain("Object with ID '7' does not exist");
  });

  for (const path of ['106540352242922/massages', '../106540352242922/messages', '../latest/106540352242922/messages'])
    it(`names an unknown path: ${path}`, async () => {
      const { status, body } = await post(meta, textTo(ANA), { path });
      expect(status).to.equal(400);
      expect(body.error?.code).to.equal(2500);
      expect(body.error?.message).to.contain(new URL(path, `${meta.apiUrl}/`).pathname);
    });

  it('keeps every call with its answer, but not the token', async () => {
    await post(meta, textTo(ANA, 'one'));
    await post(meta, textTo('Ana'));
    expect(meta.requests.map(({ method, path, answer }) => [method, path, answer.status])).to.deep.equal([
      ['POST', '/v25.0/106540352242922/messages', 200],
      ['POST', '/v25.0/106540352242922/messages', 400],
    ]);
    expect(meta.requests[0]?.body).to.deep.equal(textTo(ANA, 'one'));
    expect(JSON.stringify(meta.requests)).not.to.contain(meta.business.accessToken);
  });

  it('refuses a body of more than 5 MB in words', async () => {
    const { status, body } = await post(meta, 'x'.repeat(5 * 1024 * 1024 + 1));
    expect(status).to.equal(413);
    expect(body.error?.code).to.equal(1);
  });
});
