import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

it('200,000 frames, many of them damaged, violate no rule of the fuzzer', { timeout: 120_000 }, () => {
  const { frames, ends } = fuzz(20261124, 200_000);
  expect(frames).toBeGreaterThanOrEqual(200_000);
  // The damage reached every stage, and some conversations were still completed. So the run has tested something.
  for (const code of [
    'OVERLAY_RECORD_LENGTH',
    'OVERLAY_CORRUPT_XDR',
    'OVERLAY_CERT_INVALID',
    'OVERLAY_UNEXPECTED_MAC',
    'OVERLAY_UNEXPECTED_SEQUENCE',
    'OVERLAY_MESSAGE_BEFORE_HANDSHAKE',
    'open',
  ]) {
    expect(ends[code], code).toBeGreaterThan(100);
  }
});
