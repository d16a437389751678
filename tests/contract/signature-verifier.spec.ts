import { HmacSignatureVerifier } from '../../src/adapters/meta/hmac-signature-verifier.ts';
import { signatureVerifierContract } from './signature-verifier.contract.ts';

describe('SignatureVerifier contract', () => {
  describe('HmacSignatureVerifier', () => signatureVerifierContract((secrets) => new HmacSignatureVerifier(secrets)));
});
