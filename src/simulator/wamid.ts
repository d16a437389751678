/**
 * A message id in Meta's frame: `wamid.` and the base64 of `1c 18 <length> <digits> 15 02 00 <direction> 18 <length> <hex> 00`
 * with direction 12 for a customer's message and 11 for ours; read off real ids. Meta calls the id opaque, so nobody
 * may rely on the frame; the simulator keeps to it so that length, alphabet and padding are those of the real thing.
 *
 * `inbound`, `15550100001`, `3ACEC39583FB40B1D079` → `wamid.HBgLMTU1NTAxMDAwMDEVAgASGBQzQUNFQzM5NTgzRkI0MEIxRDA3OQA=`
 */
export function wamid(direction: 'inbound' | 'outbound', digits: string, hex: string): string {
  const frame = Buffer.concat([
    Buffer.from([0x1c, 0x18, digits.length]),
    Buffer.from(digits, 'ascii'),
    Buffer.from([0x15, 0x02, 0x00, direction === 'inbound' ? 0x12 : 0x11, 0x18, hex.length]),
    Buffer.from(hex, 'ascii'),
    Buffer.from([0x00]),
  ]);
  return `wamid.${frame.toString('base64')}`;
}
