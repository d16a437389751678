import { expect } from 'chai';
import { Identifiers } from '../../src/simulator/identifiers.ts';
import { signatureOf } from '../../src/simulator/signature.ts';
import { wamid } from '../../src/simulator/wamid.ts';
import { wireJson } from '../../src/simulator/wire-json.ts';
import { SPACED_VECTOR, WIRE_VECTORS } from './wire-vectors.ts';

describe('Wire form', () => {
  for (const { name, body } of WIRE_VECTORS)
    it(`writes a parsed body back to Meta's bytes: ${name}`, () => {
      expect(wireJson(JSON.parse(body)).toString('latin1')).to.equal(body);
    });

  it('is ASCII, minified, without a newline, with lower-case escapes, surrogate pairs and escaped slashes', () => {
    const wire = String.raw`{"text":"\ud83d\ude00 a\/b \u00e9\n\"\\"}`;
    expect(wireJson({ text: '😀 a/b é\n"\\' }).toString('latin1')).to.equal(wire);
  });

  it('leaves @, < and % as they are', () => {
    expect(wireJson('me@example.com <b> 100%').toString()).to.equal('"me@example.com <b> 100%"');
  });

  it('escapes a lone surrogate instead of writing invalid UTF-8', () => {
    expect(wireJson('\ud83d').toString()).to.equal(String.raw`"\ud83d"`);
  });
});

describe('Signature', () => {
  for (const { name, body, appSecret, signature } of [...WIRE_VECTORS, SPACED_VECTOR])
    it(`is the known one over exactly these bytes: ${name}`, () => {
      expect(signatureOf(Buffer.from(body, 'latin1'), appSecret)).to.equal(signature);
    });
});

describe('Wamid', () => {
  it('puts number, direction and hex into the frame of a real id', () => {
    expect(wamid('inbound', '15550100001', '3ACEC39583FB40B1D079')).to.equal(
      'wamid.HBgLMTU1NTAxMDAwMDEVAgASGBQzQUNFQzM5NTgzRkI0MEIxRDA3OQA=',
    );
    expect(wamid('outbound', '15550101001', '7B343C44179EE46B2C')).to.equal(
      'wamid.HBgLMTU1NTAxMDEwMDEVAgARGBI3QjM0M0M0NDE3OUVFNDZCMkMA',
    );
  });

  it('has 20 hex characters inbound and 18 outbound', () => {
    const ids = new Identifiers('1');
    const frame = (id: string): string => Buffer.from(id.slice('wamid.'.length), 'base64').toString('hex');
    const hexDigit = '(3[0-9]|4[1-6])';
    expect(frame(ids.inboundWamid('15550100001'))).to.match(new RegExp(`1502001218143341${hexDigit}{18}00$`));
    expect(frame(ids.outboundWamid('15550100001'))).to.match(new RegExp(`150200111812${hexDigit}{18}00$`));
  });
});

describe('Identifiers', () => {
  it('follow from the seed', () => {
    const list = (seed: string): readonly string[] => {
      const ids = new Identifiers(seed);
      return [ids.inboundWamid('1'), ids.inboundWamid('1'), ids.traceId(), ids.mediaId(), ids.challenge()];
    };
    expect(list('a')).to.deep.equal(list('a'));
    expect(new Set([...list('a'), ...list('b')])).to.have.lengthOf(10);
  });

  it('of one kind do not depend on how many of another kind were made', () => {
    const busy = new Identifiers('a');
    for (let made = 0; made < 5; made += 1) busy.traceId();
    expect(busy.inboundWamid('1')).to.equal(new Identifiers('a').inboundWamid('1'));
  });

  it('have the form of their kind', () => {
    const ids = new Identifiers('a');
    expect(ids.traceId()).to.match(/^A[\w-]{22}$/);
    expect(ids.headerTraceId()).to.match(/^[\w-]{11}$/);
    expect(ids.mediaId()).to.match(/^[1-9]\d{15}$/);
    expect(ids.userDigits()).to.match(/^[1-9]\d{19}$/);
    expect(ids.record('w')).to.equal('w_1');
  });
});
