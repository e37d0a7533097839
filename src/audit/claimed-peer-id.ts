/**
 * The identity of a dialler, as claimed in its first record, HELLO.
 * @module
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../net/clock.ts';
import { concatBytes } from '../protocol/bytes.ts';
import { MAX_UNAUTHENTICATED_RECORD_BYTES } from '../protocol/constants.ts';
import { checkAuthenticatedMessage, readMessage } from '../protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../protocol/wire/framing.ts';

/**
 * Looks at the first record of a stream, puts everything back and pauses it.
 * @param ms how long to wait for it
 * @returns the claimed peerID; undefined when no HELLO has come in time, or none can come
 */
export function claimedPeerID(stream: Duplex, clock: Clock, ms: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    const decoder = new RecordDecoder();
    const leave = (found: string | undefined): void => {
      timer.cancel();
      stream.pause().off('data', onData).off('end', onEnd).off('close', onEnd);
      // Subtle: in the same turn as the last chunk came, before a stream that has ended says so.
      if (chunks.length > 0 && !stream.readableEnded && !stream.destroyed) stream.unshift(concatBytes(...chunks));
      resolve(found);
    };
    const onEnd = (): void => leave(undefined);
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      decoder.push(new Uint8Array(chunk));
      const found = firstOf(decoder);
      if (found !== 'incomplete') leave(found);
    };
    const timer = clock.setTimer(onEnd, ms);
    stream.on('data', onData).once('end', onEnd).once('close', onEnd).resume();
  });
}

function firstOf(decoder: RecordDecoder): string | undefined | 'incomplete' {
  try {
    const body = decoder.next(MAX_UNAUTHENTICATED_RECORD_BYTES);
    if (body === undefined) return 'incomplete';
    checkAuthenticatedMessage(body, false);
    const message = readMessage(body);
    return message.type === 'HELLO' ? message.peerID : undefined;
  } catch {
    return undefined;
  }
}
