/** Recorded sessions of stellar-core as pictures. */
import type { Picture, PictureEvent, Side } from '../../../src/explain/picture.ts';
import { transcript } from '../../support/vectors.ts';

/** A transcript as a picture. @param secrets whether our side’s keys are in it */
export function pictureOf(name: string, secrets = true): Picture {
  const { initiator, ours, network, recordedAtSeconds, records } = transcript(name);
  const own: Side = initiator === 'ours' ? 'A' : 'B';
  const core: Side = own === 'A' ? 'B' : 'A';
  const events = records.map(({ from, type, atMs, frameHex }): PictureEvent => {
    const mac = type === 'HELLO' || type === 'ERROR_MSG' ? 'none' : 'unknown';
    return { kind: 'record', from: from === 'ours' ? own : core, ms: atMs, hex: frameHex, mac };
  });
  return {
    version: 1,
    source: 'capture',
    target: `${name}.json`,
    own,
    network: { name: 'standalone', passphrase: network.passphrase, networkID: network.networkIdHex },
    startUnixMs: Number(recordedAtSeconds) * 1000,
    addresses: {},
    events,
    omitted: 0,
    secrets: secrets ? { [own]: { seed: ours.seedHex, ecdhSecret: ours.ecdhSecretHex } } : {},
    running: false,
  };
}
