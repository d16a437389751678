import { inspect } from 'node:util';
import { expect } from 'chai';
import { HmacSignatureVerifier } from '../../../src/adapters/meta/hmac-signature-verifier.ts';
import { isWahookError } from '../../../src/core/errors.ts';

function refusalOf(secrets: readonly string[]): unknown {
  try {
    new HmacSignatureVerifier(secrets);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('HmacSignatureVerifier', () => {
  it('refuses to be made without a secret', () => {
    expect(isWahookError(refusalOf([]), 'invalid_config')).to.equal(true);
  });

  it('refuses an empty secret also beside a good one, and does not show the good one', () => {
    const error = refusalOf(['good_secret', '']);
    expect(isWahookError(error, 'invalid_config')).to.equal(true);
    expect(inspect(error)).not.to.contain('good_secret');
  });

  it('does not show its secrets when it is printed', () => {
    const shown = inspect(new HmacSignatureVerifier(['good_secret']), { showHidden: true, depth: 5 });
    expect(shown).to.contain('HmacSignatureVerifier').and.not.to.contain('good_secret');
  });
});
