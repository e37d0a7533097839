/**
 * Which targets are audited without a word: those that nobody else can own.
 * @module
 */
import { lookup } from 'node:dns/promises';
import { OverlayError } from '../../protocol/errors.ts';
import { AllowList } from '../exporter/allow-list.ts';

const PUBLIC = new AllowList([]);

/** Whether an address is loopback, private or otherwise not globally routable. */
export function isPrivateAddress(address: string): boolean {
  return !PUBLIC.permits(address);
}

/**
 * The address a host name stands for, to be dialled itself: what a name means can change between a check and a connection.
 * @throws {OverlayError} OVERLAY_NAME_NOT_FOUND
 */
export async function resolveAddress(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new OverlayError('OVERLAY_NAME_NOT_FOUND', { stage: 'dns', cause, message: `The host name ${host} has no address.` });
  }
}
