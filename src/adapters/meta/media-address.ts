import dns, { type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Whom the access token may be shown when a file is fetched (Meta, Media, 2026-09-11). */
const META_HOSTS: readonly string[] = ['graph.facebook.com', 'lookaside.fbsbx.com'];

/**
 * Whether a file may be fetched from this address with the access token: over https from one of Meta's hosts, or from the very
 * server that the API is at (which may be a simulator on this machine).
 */
export function isMediaAddress(address: string, apiUrl: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') return false;
  if (url.origin === new URL(apiUrl).origin) return true;
  return url.protocol === 'https:' && url.port === '' && META_HOSTS.includes(url.hostname);
}

/** Everything that is not on the public internet (IANA, special-purpose address registries, 2026-11). */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** Of IPv6 only this is public at all. */
const GLOBAL_UNICAST = new BlockList();
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6');

/** True for an address that no server of Meta has, and for what is no address. */
export function isPrivateAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return PRIVATE.check(address, 'ipv4');
    case 6:
      return !GLOBAL_UNICAST.check(address, 'ipv6') || PRIVATE.check(address, 'ipv6');
    default:
      return true;
  }
}

/** Code of the error that a connection fails with whose host has a private address. */
export const PRIVATE_ADDRESS = 'EPRIVATEADDRESS';

/**
 * A resolver for connections that gives public addresses only, of every host but `ownHost`. The connection goes to the very
 * address that was looked at, so that a name which resolves to another one a moment later (DNS rebinding) gains nothing.
 */
export function publicLookup(ownHost: string, resolve: LookupFunction = dns.lookup): LookupFunction {
  return (hostname, options, callback) => {
    if (hostname === ownHost) return resolve(hostname, options, callback);
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) callback(error, []);
      else answer(Array.isArray(found) ? found : [], options.all === true, callback);
    });
  };
}

function answer(found: LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const [first] = found;
  if (first === undefined || found.some(({ address }) => isPrivateAddress(address)))
    callback(Object.assign(new Error('the host has a private address'), { code: PRIVATE_ADDRESS }), []);
  else if (all) callback(null, found);
  else callback(null, first.address, first.family);
}
