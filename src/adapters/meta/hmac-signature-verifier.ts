import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { WahookError } from '../../core/errors.ts';
import type { SignatureVerifier } from '../../core/ports/receiving.ts';

const PREFIX = 'sha256=';

/**
 * Checked before the hex is decoded: `Buffer.from(…, 'hex')` silently drops what is not hex. Lower case only, as Meta
 * writes it (docs, 2026-09-11). Two headers of the name, which Node joins to `a, b`, do not match either.
 */
const FORM = /^sha256=[0-9a-f]{64}$/;

/**
 * Verifies Meta's signature under any of several App Secrets: the old and the new one while a secret is replaced, or those
 * of several apps with one callback URL.
 */
export class HmacSignatureVerifier implements SignatureVerifier {
  readonly #secretsOf: () => readonly string[];
  #secrets: readonly string[] = [];
  #keys: readonly KeyObject[] = [];

  /**
   * @param secrets the list, or what gives the list of this moment
   * @throws WahookError `invalid_config` without a secret, or with an empty one: anybody can sign with that.
   */
  constructor(secrets: readonly string[] | (() => readonly string[])) {
    this.#secretsOf = typeof secrets === 'function' ? secrets : () => secrets;
    this.#renew();
  }

  #renew(): void {
    const secrets = this.#secretsOf();
    if (secrets === this.#secrets) return;
    if (secrets.length === 0) throw new WahookError('invalid_config', 'No App Secret is given');
    if (secrets.includes('')) throw new WahookError('invalid_config', 'An App Secret is empty');
    this.#secrets = secrets;
    this.#keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  }

  verify(rawBody: Uint8Array, header: string | undefined): boolean {
    if (!(rawBody instanceof Uint8Array) || typeof header !== 'string' || !FORM.test(header)) return false;
    this.#renew();
    const claimed = Buffer.from(header.slice(PREFIX.length), 'hex');
    let genuine = false;
    for (const key of this.#keys) {
      const digest = createHmac('sha256', key).update(rawBody).digest();
      // Every secret is compared, so that the time does not tell which one matched.
      genuine = timingSafeEqual(digest, claimed) || genuine;
    }
    return genuine;
  }
}
