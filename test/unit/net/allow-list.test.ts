import { describe, expect, it } from 'vitest';
import { AllowList, isAddress } from '../../../src/net/allow-list.ts';

/** Addresses that are refused unless they are allowed explicitly, with the reason. */
const REFUSED: readonly (readonly [address: string, why: string])[] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'this network'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['100.127.255.255', 'carrier-grade NAT'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'link-local, metadata of a cloud'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.8', 'protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarks'],
  ['198.19.255.255', 'benchmarks'],
  ['198.51.100.7', 'documentation'],
  ['203.0.113.9', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.250', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::127.0.0.1', 'IPv4-compatible loopback'],
  ['::8.8.8.8', 'IPv4-compatible'],
  ['::ffff:127.0.0.1', 'mapped loopback'],
  ['::ffff:7f00:1', 'mapped loopback in hex'],
  ['0:0:0:0:0:ffff:10.1.2.3', 'mapped private'],
  ['::ffff:169.254.169.254', 'mapped link-local'],
  ['::ffff:0.0.0.0', 'mapped unspecified'],
  ['64:ff9b::10.0.0.1', 'private behind a NAT64'],
  ['64:ff9b::127.0.0.1', 'loopback behind a NAT64'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['100::1', 'discard-only'],
  ['2001::1', 'Teredo'],
  ['2001:2::1', 'benchmarks'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::1', '6to4 of loopback'],
  ['3fff::1', 'documentation'],
  ['5f00::1', 'segment routing'],
  ['fc00::1', 'unique local'],
  ['fd12:3456::1', 'unique local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['2130706433', 'no address as this package writes them'],
  ['127.1', 'no address as this package writes them'],
  ['0x7f.0.0.1', 'no address as this package writes them'],
  ['localhost', 'no address at all'],
  ['', 'nothing'],
];

const GLOBAL = [
  '8.8.8.8',
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '126.255.255.255',
  '128.0.0.1',
  '172.15.255.255',
  '172.32.0.1',
  '192.0.1.1',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.1',
  '223.255.255.255',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700::1111',
  '2a00:1450::1',
  '3ffe::1',
];

describe('an allow list without ranges', () => {
  const list = new AllowList([]);

  it.each(REFUSED)('refuses %s: %s', (address) => {
    expect(list.permits(address)).toBe(false);
  });

  it.each(GLOBAL)('permits %s, which is globally routable', (address) => {
    expect(list.permits(address)).toBe(true);
  });
});

describe('the check whether a text is an address', () => {
  // Node would look these up as names, and a name may lead to any address.
  it.each([
    '8.8.8.8%.example.org',
    '8.8.8.8%eth0',
    '8.8.8.8%',
    '2600::1%_.example.org',
    '2600::1%',
    '%',
    '127.1',
    '0x7f000001',
    '',
  ])('refuses %j, even when all addresses are allowed', (text) => {
    expect([new AllowList([]).permits(text), new AllowList(['0.0.0.0/0', '::/0']).permits(text), isAddress(text)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('accepts an address with a zone', () => {
    expect([isAddress('fe80::1%eth0'), isAddress('fe80::1%eth0.1'), isAddress('::ffff:127.0.0.1')]).toEqual([true, true, true]);
  });
});

describe('an allow list with ranges', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['11.0.0.0', '9.255.255.255', '8.8.8.8', '::10.1.2.3']],
    ['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1'], ['127.0.0.2', '::1']],
    ['192.168.4.0/22', ['192.168.7.255'], ['192.168.8.0', '192.168.3.255']],
    ['198.51.100.128/25', ['198.51.100.128'], ['198.51.100.127']],
    ['0.0.0.0/0', ['1.2.3.4', '127.0.0.1'], ['::1', '2606:4700::1111']],
    ['::/0', ['::1', '2606:4700::1111'], ['1.2.3.4', '::ffff:1.2.3.4']],
    ['fd00::/8', ['fd00::1', 'fdff::1'], ['fc00::1', 'fe00::1']],
    ['fe80::/10', ['fe80::1%eth0', 'febf::1'], ['fec0::1']],
    ['::ffff:10.0.0.0/104', ['10.200.0.1', '::ffff:10.0.0.9'], ['11.0.0.0']],
    ['2001:db8::/127', ['2001:db8::', '2001:db8::1'], ['2001:db8::2']],
  ])('permits exactly the addresses in %s', (cidr, inside, outside) => {
    const list = new AllowList([cidr]);
    for (const address of inside) expect([address, list.permits(address)]).toEqual([address, true]);
    for (const address of outside) expect([address, list.permits(address)]).toEqual([address, false]);
  });

  it('permits the addresses of each range', () => {
    const list = new AllowList(['127.0.0.0/8', '::1']);
    expect([list.permits('127.0.0.1'), list.permits('::1'), list.permits('10.0.0.1')]).toEqual([true, true, false]);
  });

  it.each([
    ['', 'write 10.0.0.0/8'],
    ['localhost', 'write 10.0.0.0/8'],
    ['10.0.0.0/', 'write 10.0.0.0/8'],
    ['10.0.0/8', 'write 10.0.0.0/8'],
    ['10.0.0.0/8/8', 'write 10.0.0.0/8'],
    ['10.0.0.0/-1', 'write 10.0.0.0/8'],
    ['10.0.0.0/33', 'at most 32 bits'],
    ['fd00::/129', 'at most 128 bits'],
    ['10.0.0.1/8', 'bits after the prefix are set'],
    ['2001:db8::1/64', 'bits after the prefix are set'],
  ])('refuses %j as a range', (cidr, why) => {
    expect(() => new AllowList([cidr])).toThrow(TypeError);
    expect(() => new AllowList([cidr])).toThrow(why);
  });
});
