import { expect, it } from 'vitest';
import { addressKey, Slots } from '../../../src/net/slots.ts';

it('addresses with the same 64-bit IPv6 prefix share one limit, and so do both forms of an IPv4 address', () => {
  expect(addressKey('2001:db8:1:2::1')).toBe(addressKey('2001:db8:1:2:ffff:ffff:ffff:ffff'));
  expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'));
  expect(addressKey('fe80::1%eth0')).toBe(addressKey('fe80::2%eth1'));
  expect(addressKey('::ffff:192.0.2.1')).toBe(addressKey('192.0.2.1'));
  expect(addressKey('192.0.2.1')).not.toBe(addressKey('192.0.2.2'));
});

it('released places can be taken again', () => {
  const slots = new Slots(3, 2);
  slots.take('a');
  slots.take('a');
  expect([slots.isFull, slots.isFullFor('a'), slots.isFullFor('b')]).toEqual([false, true, false]);
  slots.take('b');
  expect([slots.isFull, slots.taken]).toEqual([true, 3]);
  slots.release('a');
  slots.release('b');
  expect([slots.isFull, slots.isFullFor('a'), slots.isFullFor('b'), slots.taken]).toEqual([false, false, false, 1]);
});

it('addresses that use no slot any more are forgotten', () => {
  const slots = new Slots(10, 2);
  for (let i = 0; i < 1_000; i++) {
    slots.take(`a${i}`);
    slots.take('b');
    slots.release(`a${i}`);
    slots.release('b');
  }
  expect([slots.taken, slots.addresses]).toEqual([0, 0]);
  slots.take('a');
  slots.take('a');
  slots.release('a');
  expect([slots.taken, slots.addresses]).toEqual([1, 1]);
});
