/** explain shows what a node sends up to a limit, however much it sends. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explain, ReceivedRecords } from '../../../src/explain/explain.ts';
import { PictureMaker } from '../../../src/explain/picture-maker.ts';
import { MAX_SHOWN_BYTES, RecordCutter } from '../../../src/explain/record-cutter.ts';
import { storyLines } from '../../../src/explain/text.ts';
import { networks } from '../../../src/index.ts';
import { encodeRecord } from '../../../src/protocol/wire/framing.ts';
import { type MockScript, mockNode } from '../../../src/testing/index.ts';
import { ask, exporter } from '../exporter/support.ts';

const network = networks.standalone;
const INFO = {} as never;
const same = (text: string): string => text;
const PLAIN = { heading: same, good: same, bad: same, dim: same };
const AUTH = encodeRecord(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, ...new Uint8Array(36)));

/** Accepts a peer, then sends more than the limits allow. */
const talkative: MockScript = async (peer) => {
  await peer.expect('HELLO');
  peer.hello();
  await peer.expect('AUTH');
  peer.auth();
  for (let i = 0; i < 50; i++) peer.send({ type: 'GENERALIZED_TX_SET', generalizedTxSet: new Uint8Array(200_000) });
  peer.send({ type: 'GENERALIZED_TX_SET', generalizedTxSet: new Uint8Array(8_000_000) });
  await peer.expectEnd();
};

describe('records after AUTH', () => {
  it('are kept up to a number of bytes', () => {
    const received = new ReceivedRecords();
    received.onBytes('received', AUTH, INFO);
    for (let i = 0; i < 10; i++) received.onBytes('received', encodeRecord(new Uint8Array(100_000)), INFO);
    expect(received.afterAuth).toHaveLength(6);
    expect(received.isFull).toBe(true);
  });

  it('are kept up to a number of records', () => {
    const received = new ReceivedRecords();
    received.onBytes('received', AUTH, INFO);
    for (let i = 0; i < 100; i++) received.onBytes('received', encodeRecord(new Uint8Array(4)), INFO);
    expect(received.afterAuth).toHaveLength(32);
  });

  it('are not kept after a record that is too long to be shown', () => {
    const received = new ReceivedRecords();
    received.onBytes('received', AUTH, INFO);
    received.onBytes('received', encodeRecord(new Uint8Array(MAX_SHOWN_BYTES + 4)), INFO);
    received.onBytes('received', encodeRecord(new Uint8Array(4)), INFO);
    expect([received.afterAuth.length, received.isFull]).toEqual([0, true]);
  });

  it('are shown by explain up to the limit, with a note that more follow', async () => {
    await using node = await mockNode({ network }, talkative);
    const story = await explain({ host: node.host, port: node.port }, { network });
    expect(story.error).toBeUndefined();
    expect(story.next.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(2 * MAX_SHOWN_BYTES);
    const text = [...storyLines(story, PLAIN)];
    expect(text.at(-3)).toBe('   … more messages follow');
    expect(Math.max(...text.map(({ length }) => length))).toBeLessThan(300);
  });

  it('are shown by exporter up to the same limit', async () => {
    await using node = await mockNode({ network }, talkative);
    await using exporting = await exporter();
    const { status, text } = await ask(exporting, `/probe?target=127.0.0.1:${node.port}&debug=true`);
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(50_000);
  });
});

describe('a picture', () => {
  it('does not contain a record that is too long to be shown, but counts it', () => {
    const maker = new PictureMaker({ source: 'live', target: 'a' }, false, 0, () => 0);
    maker.bytes('B', encodeRecord(new Uint8Array(MAX_SHOWN_BYTES + 4)));
    maker.bytes('B', AUTH);
    maker.end(undefined, undefined);
    expect(maker.picture.events.map(({ kind }) => kind)).toEqual(['record']);
    expect(maker.picture.omitted).toBe(1);
  });
});

describe('a stream cut into records', () => {
  const record = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(encodeRecord);

  it('gives the same records for any chunks', () => {
    fc.assert(
      fc.property(fc.array(record), fc.array(fc.nat(60)), (records, cuts) => {
        const stream = Buffer.concat(records);
        const cutter = new RecordCutter();
        const found: Uint8Array[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          found.push(...cutter.push(stream.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...cutter.push(stream.subarray(at)));
        expect(found.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(
          records.map((bytes) => Buffer.from(bytes).toString('hex')),
        );
        expect(cutter.rest.length).toBe(0);
      }),
    );
  });

  it('ends at a length that is not allowed: the bytes from there are counted, and the first of them are kept', () => {
    for (const size of [1, 3, 7, 5000]) {
      const cutter = new RecordCutter();
      const stray = Buffer.concat([Buffer.from('ffffffff', 'hex'), Buffer.alloc(4996, 7)]);
      for (let at = 0; at < stray.length; at += size) expect(cutter.push(stray.subarray(at, at + size))).toEqual([]);
      expect(cutter.rest.length).toBe(5000);
      expect(Buffer.from(cutter.rest.bytes.slice(0, 512)).equals(stray.subarray(0, 512))).toBe(true);
    }
  });
});
