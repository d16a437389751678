import { expect } from 'chai';
import fc from 'fast-check';
import { Redaction } from '../../../src/adapters/log/redaction.ts';

const redaction = new Redaction(['s3cr3t-app-secret', 's3cr3t-app-secret-2', 'abc']);

describe('Redaction', () => {
  const removed: Record<string, [text: string, clean: string]> = {
    'an access token of the Graph API': ['token EAAG1234567890abcdefghij!', 'token [token]!'],
    'a bearer token': ['Authorization: bearer abc.def-ghi', 'Authorization: Bearer [token]'],
    'a webhook signature': [`sha256=${'0af3'.repeat(16)} given`, 'sha256=[signature] given'],
    'the login in a URL': ['redis://default:hunter2@db:6379/0', 'redis://[login]@db:6379/0'],
    'a wamid': ['sent wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA= ok', 'sent [wamid] ok'],
    'a wa_id': ['from 491701234567', 'from [number]'],
    'a wa_id inside a word': ['user_491701234567x', 'user_[number]x'],
    'a number as people write it': ['call +49 (170) 123-45.67 now', 'call [number] now'],
    'a business-scoped user id': ['US.13491208655302741918', 'US.[number]'],
    'a secret given to it': ['key=s3cr3t-app-secret;', 'key=[secret];'],
    'the longer of two secrets as a whole': ['s3cr3t-app-secret-2', '[secret]'],
  };
  for (const [what, [text, clean]] of Object.entries(removed)) {
    it(`removes ${what}`, () => {
      expect(redaction.text(text)).to.equal(clean);
    });
  }

  const kept = [
    'job 550e8400-e29b-41d4-a716-446655440000',
    'job 12345678-1234-4123-8123-123456789012',
    'trace 4bf92f3577b34da612345678ce929d0e',
    'at 2026-01-01T00:00:00.123Z',
    'error 131047 after 1500 ms',
    'an abc that is too short to be a secret',
  ];
  for (const text of kept) {
    it(`keeps "${text}"`, () => {
      expect(redaction.text(text)).to.equal(text);
    });
  }

  it('cuts long text and leaves no half of what the cut went through', () => {
    const long = redaction.text(`${'x '.repeat(8190)}EAAG1234567890abcdefghij`);
    expect(long)
      .to.have.length.below(4200)
      .and.to.match(/ \(16404 characters\)$/);
    const shrunk = redaction.text(`${`${'1'.repeat(500)} `.repeat(32)}${'y'.repeat(345)} EAAG12345678`);
    expect(shrunk).to.contain('[number]').and.not.to.contain('EAAG');
  });

  it('goes into objects, lists and keys', () => {
    expect(redaction.value({ to: ['491701234567'], 491701234567: { deep: 'Bearer abc' } })).to.deep.equal({
      to: ['[number]'],
      '[number]': { deep: 'Bearer [token]' },
    });
  });

  it('removes the values of fields that are secret by name', () => {
    expect(
      redaction.value({ accessToken: 'x', app_secret: 1, Authorization: 'y', password: ['z'], tokens: 3 }),
    ).to.deep.equal({
      accessToken: '[secret]',
      app_secret: '[secret]',
      Authorization: '[secret]',
      password: '[secret]',
      tokens: 3,
    });
  });

  it('shows an error by name, code and message only', () => {
    const error = Object.assign(new TypeError('no answer for 491701234567'), { code: 'ECONNRESET', detail: 'Key (…)' });
    expect(redaction.value({ error })).to.deep.equal({
      error: { name: 'TypeError', code: 'ECONNRESET', message: 'no answer for [number]' },
    });
    expect(redaction.value(new Error('x'))).to.deep.equal({ name: 'Error', code: undefined, message: 'x' });
  });

  it('says of a cycle that it is one', () => {
    const parent: Record<string, unknown> = { name: 'p' };
    parent['child'] = { parent };
    expect(redaction.value(parent)).to.deep.equal({ name: 'p', child: { parent: '[circular]' } });
  });

  it('shows a value twice that stands in two places', () => {
    const shared = { a: 1 };
    expect(redaction.value([shared, shared])).to.deep.equal([{ a: 1 }, { a: 1 }]);
  });

  it('cuts what is too deep, too wide or too much', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 5000; i++) deep = [deep];
    expect(JSON.stringify(redaction.value(deep))).to.equal('[[[[[["[too deep]"]]]]]]');
    expect(redaction.value(Array(101).fill(0)))
      .to.have.length(101)
      .and.to.include('… (101 items)');
    const wide = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`k${i}`, i]));
    expect(redaction.value(wide)).to.include({ '…': '120 entries', k99: 99 }).and.not.to.have.property('k100');
    const huge = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 'x'.repeat(50)));
    expect(JSON.stringify(redaction.value(huge)))
      .to.have.length.below(70_000)
      .and.to.contain('[cut]');
  });

  it('makes JSON of what JSON cannot hold', () => {
    const odd = { big: 491701234567n, f() {}, s: Symbol('x'), at: new Date(0), bytes: Buffer.from('secret'), no: null };
    expect(redaction.value({ ...odd, view: new Uint8Array(3) })).to.deep.equal({
      bytes: '[6 bytes]',
      big: '[number]',
      f: '[function]',
      s: '[symbol]',
      at: '1970-01-01T00:00:00.000Z',
      view: '[3 bytes]',
      no: null,
    });
  });

  it('survives getters, conversions and proxies that throw, and shows the rest', () => {
    const fail = () => {
      throw new Error('no');
    };
    const mean = {
      get a() {
        return fail();
      },
      b: { toJSON: fail },
      c: new Proxy({}, { ownKeys: fail, has: fail, get: fail, getPrototypeOf: fail }),
      d: 1,
    };
    expect(redaction.value(mean)).to.deep.equal({ a: '[unreadable]', b: '[unreadable]', c: '[unreadable]', d: 1 });
  });

  it('never throws and never lets a canary through, wherever it stands', () => {
    const canary = fc.constantFrom(
      '491701234567',
      'EAAGabcdefghijklmnopqrstuvwx',
      's3cr3t-app-secret',
      'wamid.HBgLMTY1MA==',
    );
    const value = fc.anything({
      values: [fc.string(), canary],
      withBigInt: true,
      withDate: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(value, canary, (one, two) => {
        const text = JSON.stringify([redaction.value({ one, two }), redaction.text(`${two}${String(two)}`)]);
        expect(text).not.to.match(/491701234567|EAAGabc|s3cr3t|wamid\./);
      }),
    );
  });
});
