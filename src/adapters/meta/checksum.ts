/** Whether `given`, hex or base64 as Meta has both, is this SHA-256; undefined for what is no SHA-256 at all. */
export function checksumMatches(given: string, sha256: Buffer): boolean | undefined {
  const bytes = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : Buffer.from(given, 'base64');
  return bytes.byteLength === sha256.byteLength ? bytes.equals(sha256) : undefined;
}
