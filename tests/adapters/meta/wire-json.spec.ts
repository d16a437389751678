import { expect } from 'chai';
import fc from 'fast-check';
import { parseJsonBytes, parseJsonText, writeJson } from '../../../src/adapters/meta/wire-json.ts';
import type { Json } from '../../../src/core/model.ts';

/** Without -0, which JSON has not. */
const json = fc
  .jsonValue({ maxDepth: 6, stringUnit: 'binary' })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);

/** The value with the keys of its objects turned round. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, inner]) => [key, reversed(inner)]));
}

describe('JSON from the wire', () => {
  it('is read as by JSON.parse, but for long integers', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/\d{16}/.test(text));
        expect(parseJsonBytes(Buffer.from(text))).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  it('is nothing if it is not JSON', () => {
    for (const text of ['', '{', 'undefined', '{"a":12345678901234567890', "{'a':1}"])
      expect(parseJsonText(text), text).to.equal(undefined);
  });

  it('keeps integers that a double cannot hold as their digits, all other numbers as numbers', () => {
    const cases: Readonly<Record<string, Json>> = {
      '9007199254740991': 9_007_199_254_740_991,
      '-9007199254740991': -9_007_199_254_740_991,
      '9007199254740993': '9007199254740993',
      '-9512345678901235': '-9512345678901235',
      '123456789012345678901234567890': '123456789012345678901234567890',
      '1234567890123456.5': 1_234_567_890_123_456.5,
      '151.21529671234566': 151.21529671234566,
    };
    for (const [text, number] of Object.entries(cases)) {
      expect(parseJsonText(`{"a":${text}}`), text).to.deep.equal({ a: number });
      expect(parseJsonText(`[0, ${text}]`), text).to.deep.equal([0, number]);
      expect(parseJsonText(`{"a":"x, ${text}"}`), text).to.deep.equal({ a: `x, ${text}` });
    }
  });

  it('may hold a long integer beside more nesting than a recursive reader survives', () => {
    const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`;
    const value = parseJsonText(`[9512345678901235,${deep}]`) as readonly Json[];
    expect(value).to.have.lengthOf(2);
  });

  it('is written as by JSON.stringify', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(writeJson(value)).to.equal(JSON.stringify(value));
      }),
    );
    const odd = JSON.parse('{"__proto__":[null,true,-1.5e-7],"\\ud800":"\\u0000\\udfff","":{}}') as Json;
    expect(writeJson(odd)).to.equal(JSON.stringify(odd));
  });

  it('is written from any depth', () => {
    const text = `${'[{"a":'.repeat(2e5)}1${'}]'.repeat(2e5)}`;
    expect(writeJson(JSON.parse(text)) === text).to.equal(true);
  });

  it('has a canonical form that knows no order of keys, but one of items', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(writeJson(reversed(value), { sortKeys: true })).to.equal(writeJson(value, { sortKeys: true }));
        expect(JSON.parse(writeJson(value, { sortKeys: true }))).to.deep.equal(value);
      }),
    );
    const canonical = writeJson({ b: [2, 1], a: { d: 1, c: 2 } }, { sortKeys: true });
    expect(canonical).to.equal('{"a":{"c":2,"d":1},"b":[2,1]}');
  });
});
