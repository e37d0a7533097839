import { describe, expect, it } from 'vitest';
import { isPrivateAddress } from '../../../src/audit/address.ts';

describe('an audit without --i-operate-this-node', () => {
  it.each([
    ...['127.0.0.1', '127.9.9.9', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.1.1'],
    ...['::1', 'fd00::1', 'fe80::1', 'fe80::1%eth0', '::ffff:127.0.0.1', '::ffff:10.1.1.1'],
  ])('accepts %s: loopback, private or link-local', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each([
    ...['8.8.8.8', '172.15.0.1', '172.32.0.1', '192.169.0.1', '100.64.0.1', '224.0.0.1', '0.0.0.0'],
    ...['2600::1', '::', '::ffff:8.8.8.8', '64:ff9b::808:808', '64:ff9b:1::808:808', '2002:808:808::1', 'ff02::1'],
    ...['', 'localhost', '127.0.0.1.example.org', '10.1'],
  ])('refuses %s', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});
