import { expect } from 'chai';
import { readSendRequest } from '../../../src/adapters/api/outbound-request.ts';
import { closeApps, openApp } from '../../http/open-app.ts';

/** As text: what makes it would not end, nor would what prints it. About as deep as a body can be. */
const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

const TO = '"to":{"waId":"15550100001"}';
const TEXT = '"content":{"type":"text","text":"Hello"}';

/** A message with something in it that has no end, by where it is. */
const NESTED: readonly (readonly [where: string, body: string])[] = [
  ['an unknown field of the content', `{${TO},"content":{"type":"text","text":"Hello","more":${DEEP}}}`],
  ['a text', `{${TO},"content":{"type":"text","text":${DEEP}}}`],
  ['a birthday', `{${TO},"content":{"type":"contacts","contacts":[{"name":{"formatted":"A"},"birthday":${DEEP}}]}}`],
  [
    'a currency',
    `{${TO},"content":{"type":"template","name":"a","language":"en","body":[{"currency":{"code":${DEEP}}}]}}`,
  ],
  ['a fallback', `{${TO},${TEXT},"fallback":{"template":"a","language":"en","body":${DEEP}}}`],
  ['the recipient', `{"to":{"waId":${DEEP}},${TEXT}}`],
  ['an unknown field', `{${TO},${TEXT},"more":${DEEP}}`],
  ['the whole', DEEP],
];

describe('readSendRequest', () => {
  afterEach(closeApps);

  for (const [where, body] of NESTED)
    it(`says what is wrong with a message that is nested without end: ${where}`, () => {
      expect(readSendRequest(JSON.parse(body), '106540352242922'))
        .to.have.property('problem')
        .that.is.a('string');
    });

  it('takes what stands in the body and nothing more', () => {
    const content = { type: 'text', text: 'Hello' };
    const read = readSendRequest({ to: { waId: '+1 555 010 0001' }, content }, '106540352242922');
    expect(read).to.deep.equal({ phoneNumberId: '106540352242922', to: { waId: '15550100001' }, content });
    expect(Object.keys(read).sort()).to.deep.equal(['content', 'phoneNumberId', 'to']);
  });

  it('has such a message answered with 400, in JSON', async () => {
    const { url, log } = await openApp({
      api: {
        token: 'token',
        read: (body) => readSendRequest(body, '106540352242922'),
        accept: async () => ({ outcome: 'busy' }),
        find: async () => undefined,
      },
    });
    const headers = { authorization: 'Bearer token', 'idempotency-key': 'key' };
    for (const [where, body] of NESTED) {
      const response = await fetch(`${url}/api/messages`, { method: 'POST', headers, body });
      expect(response.status, where).to.equal(400);
      expect(await response.json(), where).to.have.nested.property('error.code', 'invalid_message');
    }
    expect(log.lines).to.deep.equal([]);
  });
});
