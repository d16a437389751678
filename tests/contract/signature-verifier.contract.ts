import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import type { SignatureVerifier } from '../../src/core/ports/receiving.ts';

const SECRET = 'test_app_secret';
const BODY = Buffer.from('{"object":"whatsapp_business_account","entry":[]}');
/** The known answer of the port. */
const SIGNATURE = 'sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756';
const HEX = SIGNATURE.slice('sha256='.length);

const FIXTURES = new URL('../fixtures/webhooks/', import.meta.url);

interface Vector {
  readonly file?: string;
  readonly body?: string;
  readonly app_secret: string;
  readonly x_hub_signature_256: string;
}

const vectors = JSON.parse(readFileSync(new URL('signature-vectors.json', FIXTURES), 'utf8')) as Vector[];

function bytesOf(vector: Vector): Buffer {
  return vector.file === undefined ? Buffer.from(vector.body ?? '') : readFileSync(new URL(vector.file, FIXTURES));
}

function sign(body: Uint8Array, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** What a header must not be, made of the one that is right. */
const WRONG_HEADERS: Readonly<Record<string, string>> = {
  'an empty one': '',
  'the prefix alone': 'sha256=',
  'the hex without prefix': HEX,
  'a truncated one': SIGNATURE.slice(0, -2),
  'one of odd length': SIGNATURE.slice(0, -1),
  'one with junk behind': `${SIGNATURE}zz`,
  'one with more hex behind': `${SIGNATURE}00`,
  'one with a newline behind': `${SIGNATURE}\n`,
  'one with a blank before': ` ${SIGNATURE}`,
  'one with a blank inside': `sha256= ${HEX}`,
  'upper-case hex': `sha256=${HEX.toUpperCase()}`,
  'an upper-case prefix': `SHA256=${HEX}`,
  'one sent twice, as Node joins it': `${SIGNATURE}, ${SIGNATURE}`,
  'a wrong and the right one, joined': `sha256=${'0'.repeat(64)}, ${SIGNATURE}`,
  'the prefix twice': `sha256=${SIGNATURE}`,
  'something else than hex at the end': `${SIGNATURE.slice(0, -1)}g`,
  'full-width digits': `sha256=${HEX.replaceAll('0', '０')}`,
  'the SHA-1 signature': `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}`,
  'the SHA-1 digest as SHA-256': `sha256=${createHmac('sha1', SECRET).update(BODY).digest('hex')}`,
  'the SHA-512 digest': `sha256=${createHmac('sha512', SECRET).update(BODY).digest('hex')}`,
  'the digest under an empty secret': sign(BODY, ''),
};

/** What every `SignatureVerifier` promises. @param open makes one that knows these secrets */
export function signatureVerifierContract(open: (secrets: readonly string[]) => SignatureVerifier): void {
  const verifier = open([SECRET]);

  it('accepts the known answer', () => {
    expect(verifier.verify(BODY, SIGNATURE)).to.equal(true);
  });

  it('refuses a body that differs in blanks only', () => {
    const spaced = Buffer.from('{"object": "whatsapp_business_account", "entry": []}');
    expect(verifier.verify(spaced, SIGNATURE)).to.equal(false);
  });

  for (const [index, vector] of vectors.entries())
    it(`accepts vector ${index} (${vector.file ?? 'a short body'}, ${vector.app_secret}), with no other secret`, () => {
      const { app_secret: secret, x_hub_signature_256: signature } = vector;
      expect(open([secret]).verify(bytesOf(vector), signature)).to.equal(true);
      expect(open([`${secret}x`]).verify(bytesOf(vector), signature)).to.equal(false);
    });

  it('refuses bytes that were parsed and written again', () => {
    const escaped = vectors.filter(({ file }) => file !== undefined && /escaped|surrogates|rtl/.test(file));
    expect(escaped).to.have.lengthOf(3);
    for (const vector of escaped) {
      const rewritten = Buffer.from(JSON.stringify(JSON.parse(bytesOf(vector).toString())));
      expect(verifier.verify(rewritten, vector.x_hub_signature_256)).to.equal(false);
    }
  });

  it('accepts an empty body that is signed', () => {
    expect(verifier.verify(new Uint8Array(), sign(new Uint8Array(), SECRET))).to.equal(true);
  });

  it('refuses a missing header', () => {
    expect(verifier.verify(BODY, undefined)).to.equal(false);
  });

  for (const [name, header] of Object.entries(WRONG_HEADERS))
    it(`refuses ${name}`, () => {
      expect(verifier.verify(BODY, header)).to.equal(false);
    });

  it('refuses, without throwing, headers and bodies of a type that it was not promised', () => {
    const verify = verifier.verify.bind(verifier) as (body: unknown, header: unknown) => boolean;
    for (const header of [[SIGNATURE], { toString: () => SIGNATURE }, { length: 71 }, 256, null, true])
      expect(verify(BODY, header), typeof header).to.equal(false);
    for (const body of [undefined, null, {}, BODY.toString(), [...BODY]])
      expect(verify(body, SIGNATURE), typeof body).to.equal(false);
  });

  it('accepts each of several secrets, wherever it stands in the list, and no other', () => {
    const secrets = ['first', 'second', 'third'];
    const several = open(secrets);
    for (const secret of secrets) expect(several.verify(BODY, sign(BODY, secret)), secret).to.equal(true);
    expect(several.verify(BODY, sign(BODY, 'fourth'))).to.equal(false);
    expect(several.verify(BODY, sign(BODY, 'firstsecond'))).to.equal(false);
  });

  it('takes a secret as UTF-8', () => {
    expect(open(['clé🔑']).verify(BODY, sign(BODY, 'clé🔑'))).to.equal(true);
  });

  it('accepts any bytes that are signed, valid UTF-8 or not, and refuses them after the flip of a bit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.nat(7), (body, at, bit) => {
        const signature = sign(body, SECRET);
        const flipped = body.map((byte, index) => (index === at % body.length ? byte ^ (1 << bit) : byte));
        expect(verifier.verify(body, signature)).to.equal(true);
        expect(verifier.verify(flipped, signature)).to.equal(false);
      }),
    );
  });

  it('refuses every change of a right header', () => {
    const change = fc.tuple(fc.nat(SIGNATURE.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }));
    fc.assert(
      fc.property(change, ([at, removed, inserted]) => {
        const header = SIGNATURE.slice(0, at) + inserted + SIGNATURE.slice(at + removed);
        fc.pre(header !== SIGNATURE);
        expect(verifier.verify(BODY, header)).to.equal(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses every other digest in the right form', () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    fc.assert(
      fc.property(digest, (hex) => {
        expect(verifier.verify(BODY, `sha256=${hex}`)).to.equal(hex === HEX);
      }),
    );
  });
}
