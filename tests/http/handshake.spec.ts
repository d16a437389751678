import { expect } from 'chai';
import { closeApps, exchange, type OpenApp, openApp, statusesIn, VERIFY_TOKEN } from './open-app.ts';

const PATH = '/webhook/whatsapp';
const RIGHT = { 'hub.mode': 'subscribe', 'hub.verify_token': VERIFY_TOKEN, 'hub.challenge': '1158201444' };

function ask(app: OpenApp, query: Record<string, string> | string): Promise<Response> {
  return fetch(`${app.url}${PATH}?${typeof query === 'string' ? query : new URLSearchParams(query)}`);
}

describe('Verification of the webhook', () => {
  afterEach(closeApps);

  it('gives the challenge back as plain text that no browser can take for anything else', async () => {
    const app = await openApp();
    const response = await ask(app, RIGHT);
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal('1158201444');
    expect(response.headers.get('Content-Type')).to.equal('text/plain; charset=utf-8');
    expect(response.headers.get('X-Content-Type-Options')).to.equal('nosniff');
    expect(response.headers.get('Cache-Control')).to.equal('no-store');
  });

  it('gives back whatever plain word Meta may choose', async () => {
    const app = await openApp();
    for (const challenge of ['0', 'a-b_c.D9', 'x'.repeat(256)])
      expect(await (await ask(app, { ...RIGHT, 'hub.challenge': challenge })).text()).to.equal(challenge);
  });

  it('takes a verify token with any characters', async () => {
    const app = await openApp({ verifyToken: 'ä & b = + %' });
    expect((await ask(app, { ...RIGHT, 'hub.verify_token': 'ä & b = + %' })).status).to.equal(200);
    expect((await ask(app, RIGHT)).status).to.equal(403);
  });

  const rest = `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${VERIFY_TOKEN}`;
  const refused: readonly (readonly [name: string, query: Record<string, string> | string])[] = [
    ['nothing', ''],
    ['a wrong token', { ...RIGHT, 'hub.verify_token': 'another-word' }],
    ['the beginning of the token', { ...RIGHT, 'hub.verify_token': VERIFY_TOKEN.slice(0, -1) }],
    ['the token and more', { ...RIGHT, 'hub.verify_token': `${VERIFY_TOKEN}x` }],
    ['a token of 10 kB', { ...RIGHT, 'hub.verify_token': 'x'.repeat(10_000) }],
    ['an empty token', { ...RIGHT, 'hub.verify_token': '' }],
    ['no token', 'hub.mode=subscribe&hub.challenge=1'],
    ['the token twice', `${rest}&hub.verify_token=${VERIFY_TOKEN}`],
    ['the token as an array', `hub.mode=subscribe&hub.challenge=1&hub.verify_token[]=${VERIFY_TOKEN}`],
    ['another mode', { ...RIGHT, 'hub.mode': 'unsubscribe' }],
    ['the mode twice', `${rest}&hub.mode=subscribe`],
    ['no mode', `hub.challenge=1&hub.verify_token=${VERIFY_TOKEN}`],
    ['no challenge', `hub.mode=subscribe&hub.verify_token=${VERIFY_TOKEN}`],
    ['two challenges', `${rest}&hub.challenge=2`],
    ['a challenge of 257 characters', { ...RIGHT, 'hub.challenge': 'x'.repeat(257) }],
    ['nested names', `hub[mode]=subscribe&hub[challenge]=1&hub[verify_token]=${VERIFY_TOKEN}`],
    ['names that PHP would write', `hub_mode=subscribe&hub_challenge=1&hub_verify_token=${VERIFY_TOKEN}`],
    ['a prototype', `__proto__[hub.mode]=subscribe&__proto__=1&constructor=1`],
    ...[
      '',
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      'javascript:alert(1)',
      '1<',
      '1\n',
      '1\r\nSet-Cookie: a=b',
      '\0',
      '\u2028',
      '１',
      '%3Cscript%3E',
      '{{7*7}}',
    ].map((challenge): [string, Record<string, string>] => [
      `the challenge ${JSON.stringify(challenge)}`,
      { ...RIGHT, 'hub.challenge': challenge },
    ]),
  ];
  for (const [name, query] of refused)
    it(`is refused with 403 and without a word: ${name}`, async () => {
      const app = await openApp();
      const response = await ask(app, query);
      expect(response.status).to.equal(403);
      expect(await response.text()).to.equal('');
      expect([...response.headers.keys()].sort()).to.deep.equal(['connection', 'content-length', 'date', 'keep-alive']);
    });

  it('leaves a line in the log, without token and challenge, and not one for each refusal', async () => {
    const app = await openApp();
    await ask(app, RIGHT);
    await ask(app, { ...RIGHT, 'hub.verify_token': 'canary-token', 'hub.challenge': 'canary-challenge' });
    await ask(app, { ...RIGHT, 'hub.verify_token': 'canary-token' });
    expect(app.log.messages()).to.deep.equal(['Meta verified this webhook', 'Webhook verifications are refused']);
    expect(app.log.lines[1]?.fields).to.deep.equal({ token: 1 });
    expect(app.log.text()).not.to.match(/canary|1158201444|a-word-of-ours/);
  });

  it('survives a query that is no query', async () => {
    const app = await openApp();
    for (const query of ['%', '%zz=%zz', '&&&===', `${'a&'.repeat(5_000)}`, '?'])
      expect(
        statusesIn(
          await exchange(app.server.port, `GET ${PATH}?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        ),
        query.slice(0, 10),
      ).to.deep.equal([403]);
  });
});
