import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { expect } from 'chai';
import { isMediaAddress, isPrivateAddress, publicLookup } from '../../../src/adapters/meta/media-address.ts';

const API = 'https://graph.facebook.com/v25.0';
const LOCAL = 'http://127.0.0.1:3001/v25.0';

describe('The address of a file', () => {
  for (const address of [
    'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=a',
    'https://graph.facebook.com/v25.0/1',
  ])
    it(`is Meta's: ${address}`, () => expect(isMediaAddress(address, LOCAL)).to.equal(true));

  it("is that of the API's own server, also of a simulator", () => {
    expect(isMediaAddress('http://127.0.0.1:3001/whatsapp_business/attachments/?mid=1', LOCAL)).to.equal(true);
    expect(isMediaAddress('http://127.0.0.1:3002/', LOCAL)).to.equal(false);
    expect(isMediaAddress('https://127.0.0.1:3001/', LOCAL)).to.equal(false);
  });

  for (const address of [
    'http://lookaside.fbsbx.com/a',
    'https://lookaside.fbsbx.com:8443/a',
    'https://lookaside.fbsbx.com.example.com/a',
    'https://evil-lookaside.fbsbx.com/a',
    'https://lookaside.fbsbx.com@example.com/a',
    'https://user:secret@lookaside.fbsbx.com/a',
    'https://example.com/?https://lookaside.fbsbx.com/',
    'http://127.0.0.1:3001/a',
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
    'lookaside.fbsbx.com/a',
    '',
  ])
    it(`is none of Meta's: ${address || 'an empty one'}`, () => {
      expect(isMediaAddress(address, API)).to.equal(false);
    });
});

describe('A private address', () => {
  for (const address of [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
    ...['192.0.0.1', '192.168.1.1', '198.18.0.1', '203.0.113.7', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1'],
    ...['2001:db8::1', '2002:a00:1::', 'not an address', ''],
  ])
    it(`is ${address || 'an empty one'}`, () => expect(isPrivateAddress(address)).to.equal(true));

  for (const address of ['1.1.1.1', '157.240.0.35', '172.32.0.1', '192.167.255.255', '2a03:2880:f003::1'])
    it(`is not ${address}`, () => expect(isPrivateAddress(address)).to.equal(false));
});

describe('publicLookup', () => {
  const answering = (...addresses: readonly string[]) => {
    const asked: string[] = [];
    const resolve: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname);
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    return { asked, resolve };
  };

  function look(lookup: LookupFunction, hostname: string, all: boolean): Promise<string | LookupAddress[]> {
    return new Promise((resolve, reject) => {
      lookup(hostname, { all }, (error, found) => (error ? reject(error) : resolve(found)));
    });
  }

  it('gives the very addresses that were looked at, and asks for them once', async () => {
    const { asked, resolve } = answering('1.1.1.1', '2a03:2880::1');
    const lookup = publicLookup('127.0.0.1', resolve);
    expect(await look(lookup, 'lookaside.fbsbx.com', true)).to.deep.equal([
      { address: '1.1.1.1', family: 4 },
      { address: '2a03:2880::1', family: 6 },
    ]);
    expect(asked).to.deep.equal(['lookaside.fbsbx.com']);
    expect(await look(lookup, 'lookaside.fbsbx.com', false)).to.equal('1.1.1.1');
  });

  it('gives none if one of them is private, or there is none', async () => {
    for (const addresses of [['10.0.0.1'], ['1.1.1.1', '127.0.0.1'], []]) {
      const lookup = publicLookup('api.example.com', answering(...addresses).resolve);
      const error = await look(lookup, 'lookaside.fbsbx.com', true).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'EPRIVATEADDRESS');
    }
  });

  it("leaves the API's own host alone", async () => {
    const lookup = publicLookup('api.example.com', answering('127.0.0.1').resolve);
    expect(await look(lookup, 'api.example.com', true)).to.deep.equal([{ address: '127.0.0.1', family: 4 }]);
  });
});
