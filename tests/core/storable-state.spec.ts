import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import { storableCopy, storableState } from '../../src/core/storable-state.ts';

function problemOf(value: unknown): string {
  try {
    storableState(value, 'ctx.session');
  } catch (error) {
    if (isWahookError(error, 'invalid_state')) return error.message;
    throw error;
  }
  return 'none';
}

describe('What a bot keeps', () => {
  it('is a copy, without what is undefined', () => {
    const value = { cart: [{ id: 'tea', note: undefined }], none: null, at: 0.5, said: 'a\\u0000b \\\\u0000 "é"' };
    const copy = storableState(value, 'ctx.session');
    expect(copy).to.deep.equal({ cart: [{ id: 'tea' }], none: null, at: 0.5, said: 'a\\u0000b \\\\u0000 "é"' });
    value.cart.pop();
    expect(copy).to.have.property('cart').with.lengthOf(1);
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  for (const [what, value, problem] of [
    ['a date', { cart: [{ at: new Date() }] }, 'ctx.session.cart[0].at is a Date, which is no JSON'],
    ['a map', new Map(), 'ctx.session is a Map, which is no JSON'],
    ['a function', { f: () => {} }, 'ctx.session.f is a function, which is no JSON'],
    ['a number that JSON has no word for', [Number.NaN], 'ctx.session[0] is NaN, which is no JSON'],
    ['a bigint', { n: 1n }, 'ctx.session.n is a bigint, which is no JSON'],
    ['undefined as a whole', undefined, 'ctx.session is a undefined, which is no JSON'],
    ['undefined in a list', [undefined], 'ctx.session[0] is a undefined, which is no JSON'],
    ['U+0000', { a: 'x\u0000' }, 'ctx.session has a text with U+0000 or half a surrogate pair in it'],
    ['half a surrogate pair', ['\ud83d'], 'ctx.session has a text with U+0000 or half a surrogate pair in it'],
    ['a key with U+0000', { '\u0000': 1 }, 'ctx.session has a text with U+0000 or half a surrogate pair in it'],
  ] as const) {
    it(`is refused with ${what}`, () => {
      expect(problemOf(value)).to.equal(problem);
    });
  }

  it('is refused if it contains itself', () => {
    expect(problemOf(circular)).to.match(/nested too deeply, or contains itself$/);
  });

  it('is refused without a word of keys that may be somebody’s number', () => {
    expect(problemOf({ '15550100001': new Date() })).to.equal('ctx.session[…] is a Date, which is no JSON');
  });

  it('has at most 64 kB as JSON, in bytes', () => {
    const largest = 'x'.repeat(64 * 1024 - 2);
    expect(problemOf(largest)).to.equal('none');
    expect(problemOf(`${largest}x`)).to.equal('ctx.session is 65537 bytes as JSON, 65536 are allowed');
    expect(problemOf('é'.repeat(32 * 1024))).to.match(/is 65538 bytes/);
  });

  it('can also be taken as JSON makes it', () => {
    expect(storableCopy({ at: new Date(0), f: () => {} }, 'it')).to.deep.equal({ at: '1970-01-01T00:00:00.000Z' });
    expect(storableCopy(undefined, 'it')).to.equal(undefined);
    expect(() => storableCopy(1n, 'it'))
      .to.throw('it cannot be written as JSON')
      .with.property('code', 'invalid_state');
    expect(() => storableCopy(() => {}, 'it')).to.throw('it is a function, which is no JSON');
  });
});
