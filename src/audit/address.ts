/**
 * Which targets are audited without `--i-operate-this-node`: addresses that no one else can own.
 * @module
 */
import { AllowList } from '../net/allow-list.ts';

/** A list of private ranges only: an address outside, such as 6to4 or one behind a carrier's NAT, may belong to somebody else. */
const PRIVATE = new AllowList([
  '127.0.0.0/8', // loopback
  '10.0.0.0/8', // RFC 1918
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16', // link-local
  '::1',
  'fc00::/7', // unique local, RFC 4193
  'fe80::/10', // link-local
]);

/** Whether an address is loopback, private or link-local; false for any other text. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.permits(address);
}
