import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/protocol/bytes.ts';
import { FloodReceiver, FloodSender, type FloodType } from '../../src/protocol/channel/flow-control.ts';
import type { ProtocolViolation } from '../../src/protocol/errors.ts';
import { Peer, type PeerEvent } from '../../src/protocol/peer.ts';
import type { SendableMessage } from '../../src/protocol/wire/authenticated-message.ts';
import type { StellarMessage } from '../../src/protocol/wire/messages.ts';
import { at, Bench, eventsOf, optionsOf, pubnet1, split } from '../support/vectors.ts';
import { anyMessage, encode } from './arbitraries.ts';

/** By priority. */
const FLOOD_TYPES = ['SCP_MESSAGE', 'TRANSACTION', 'FLOOD_DEMAND', 'FLOOD_ADVERT'] as const satisfies readonly FloodType[];

/** Messages an application may send at any time. */
const ORDINARY = [
  ...FLOOD_TYPES,
  'GET_TX_SET',
  'TX_SET',
  'GET_SCP_QUORUMSET',
  'SCP_QUORUMSET',
  'GET_SCP_STATE',
  'GENERALIZED_TX_SET',
  'DONT_HAVE',
  'TIME_SLICED_SURVEY_REQUEST',
  'TIME_SLICED_SURVEY_RESPONSE',
  'TIME_SLICED_SURVEY_START_COLLECTING',
  'TIME_SLICED_SURVEY_STOP_COLLECTING',
] as const;

describe('a damaged record of the channel', () => {
  it.each(['A', 'B'] as const)('whatever byte of it changes, never gives %s a message', (side) => {
    fc.assert(
      fc.property(anyMessage(ORDINARY), fc.nat(), fc.integer({ min: 1, max: 255 }), (message, where, xor) => {
        const bench = Bench.authenticated(side);
        const frame = bench.other.seal(message);
        const index = where % frame.length;
        // Bit 31 of the header is not looked at.
        const change = index === 0 && xor === 0x80 ? 0x81 : xor;
        frame[index] = (frame[index] as number) ^ change;
        const events = bench.feed(frame);
        expect(events.map(({ type }) => type)).toEqual(bench.peer.error === undefined ? [] : ['closed']);
        // No error means that a longer record was announced and is waited for.
        if (bench.peer.error === undefined) expect([bench.peer.midRecord, index < 4]).toEqual([true, true]);
      }),
      { numRuns: 400 },
    );
  });

  it('is refused whatever bits of its MAC change', () => {
    const bench = Bench.authenticated('B');
    const frame = bench.other.seal({ type: 'GET_SCP_STATE', ledgerSeq: 1 });
    for (let bit = 0; bit < 256; bit++) {
      const copy = frame.slice();
      const index = frame.length - 32 + (bit >> 3);
      copy[index] = (copy[index] as number) ^ (1 << (bit & 7));
      const other = Bench.authenticated('B');
      other.feed(copy);
      expect(other.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
    }
    expect(bench.feed(frame).map(({ type }) => type)).toEqual(['message']);
  });
});

describe('flow control', () => {
  it('a sender lets go of what a simple model lets go of, in its order', () => {
    const grant = fc.record({ messages: fc.nat(4), bytes: fc.integer({ min: 1, max: 900 }) });
    const submit = fc.record({ type: fc.constantFrom(...FLOOD_TYPES), size: fc.integer({ min: 4, max: 400 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(grant, submit), { maxLength: 60 }), (commands) => {
        const sender = new FloodSender();
        const model = { messages: 0, bytes: 0, waiting: [] as { id: number; type: FloodType; size: number }[] };
        const left: number[] = [];
        const expected: number[] = [];
        let id = 0;
        for (const command of commands) {
          if ('size' in command) {
            const mine = ++id;
            model.waiting.push({ id: mine, ...command });
            if (sender.take(command.type, command.size)) left.push(mine);
            else sender.enqueue(command.type, new Uint8Array(command.size), () => left.push(mine));
          } else {
            model.messages += command.messages;
            model.bytes += command.bytes;
            sender.grant(command);
            for (let next = sender.dequeue(); next !== undefined; next = sender.dequeue()) next.settle();
          }
          // The model: again and again, the first of the most urgent type whose head fits.
          for (let done = false; !done; ) {
            const heads = FLOOD_TYPES.map((type) => model.waiting.find((message) => message.type === type));
            const fits = heads.find((head) => head !== undefined && model.messages >= 1 && head.size <= model.bytes);
            done = fits === undefined;
            if (fits === undefined) continue;
            model.waiting.splice(model.waiting.indexOf(fits), 1);
            model.messages--;
            model.bytes -= fits.size;
            expected.push(fits.id);
          }
          expect(left).toEqual(expected);
          expect(sender.credit).toEqual({ messages: BigInt(model.messages), bytes: BigInt(model.bytes) });
          expect(sender.queuedBytes).toBe(model.waiting.reduce((sum, { size }) => sum + size, 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a receiver grants exactly what was consumed, never more than the peer can hold, and lets it go on', () => {
    const capacity = fc.record({ messages: fc.integer({ min: 1, max: 250 }), bytes: fc.integer({ min: 600, max: 400_000 }) });
    fc.assert(
      fc.property(
        capacity,
        fc.array(fc.integer({ min: 4, max: 400 }), { maxLength: 200 }),
        fc.nat(10),
        (size, messages, backlog) => {
          const receiver = new FloodReceiver(size);
          let credit = { ...size };
          const held: number[] = [];
          const consume = (): void => {
            const grant = receiver.release(held.shift() as number);
            if (grant) credit = { messages: credit.messages + grant.messages, bytes: credit.bytes + grant.bytes };
            expect(credit.messages).toBeLessThanOrEqual(size.messages);
            expect(credit.bytes).toBeLessThanOrEqual(size.bytes);
          };
          for (const bytes of messages) {
            while (held.length > backlog) consume();
            while (held.length > 0 && (credit.messages < 1 || credit.bytes < bytes)) consume();
            // With everything consumed, a message of up to two thirds of the capacity may always be sent.
            expect([credit.messages >= 1, credit.bytes >= bytes]).toEqual([true, true]);
            credit = { messages: credit.messages - 1, bytes: credit.bytes - bytes };
            receiver.lock(bytes);
            held.push(bytes);
          }
        },
      ),
    );
  });

  it('a receiver refuses the first message over either budget', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 50 }), (messages, size) => {
        const byCount = new FloodReceiver({ messages, bytes: 1e6 });
        const byBytes = new FloodReceiver({ messages: 1e6, bytes: messages * size });
        for (let i = 0; i < messages; i++) {
          byCount.lock(size);
          byBytes.lock(size);
        }
        for (const receiver of [byCount, byBytes]) {
          let code: string | undefined;
          try {
            receiver.lock(1);
          } catch (error) {
            code = (error as ProtocolViolation).code;
          }
          expect(code).toBe('OVERLAY_FLOOD_OVER_CAPACITY');
        }
      }),
    );
  });
});

describe('two peers', () => {
  const scenario = fc.record({
    capacities: fc.tuple(capacityArbitrary(), capacityArbitrary()),
    messages: fc.tuple(fc.array(anyMessage(ORDINARY), { maxLength: 60 }), fc.array(anyMessage(ORDINARY), { maxLength: 60 })),
    cuts: fc.array(fc.nat(), { maxLength: 30 }),
    backlog: fc.nat(3),
  });

  it('reach GOT_AUTH and deliver all messages, however their bytes are split: each type in its order, flood messages within the credit', () => {
    fc.assert(
      fc.property(scenario, ({ capacities, messages, cuts, backlog }) => {
        const now = at(Number(pubnet1.nowSeconds));
        const sides = (['A', 'B'] as const).map((side, i) => ({
          peer: new Peer(optionsOf(pubnet1, side, { floodCapacity: capacities[i], serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'] })),
          toSend: messages[i]?.slice() ?? [],
          got: [] as PeerEvent[],
          held: [] as PeerEvent[],
          settled: 0,
        }));
        for (const { peer } of sides) peer.start(now);
        let turn = 0;
        for (let idle = 0; idle < 2; turn++) {
          const from = sides[turn % 2] as (typeof sides)[number];
          const to = sides[(turn + 1) % 2] as (typeof sides)[number];
          if (from.peer.authenticated) {
            for (const message of from.toSend.splice(0, 3)) {
              from.peer.send(message as SendableMessage, (error) => {
                if (error === undefined) from.settled++;
              });
            }
          }
          while (from.held.length > (from.toSend.length > 0 ? backlog : 0)) {
            const event = from.held.shift();
            if (event?.type === 'message') from.peer.release(event.message);
          }
          const bytes = from.peer.takeOutput(now);
          idle = bytes === undefined && from.toSend.length === 0 ? idle + 1 : 0;
          const chunks = split(
            bytes ?? new Uint8Array(0),
            cuts.map((cut) => cut % ((bytes?.length ?? 0) + 1)),
          );
          for (const chunk of chunks) {
            to.peer.push(chunk);
            const events = eventsOf(to.peer, now);
            to.got.push(...events);
            to.held.push(...events);
          }
          if (turn > 5000) throw new Error('the peers do not come to an end');
        }
        for (const [i, { peer, got, settled }] of sides.entries()) {
          const sent = messages[1 - i] as readonly StellarMessage[];
          expect(peer.error).toBeUndefined();
          expect(got.slice(0, 2).map(({ type }) => type)).toEqual(['hello', 'authenticated']);
          const received = got.flatMap((event) => (event.type === 'message' ? [event.message] : []));
          const asked = received.findIndex((message) => message.type === 'GET_SCP_STATE');
          received.splice(asked, 1); // what every peer asks for right after AUTH
          const xdrs = (type: string, list: readonly { type: string; xdr: Uint8Array }[]) =>
            list.filter((message) => message.type === type).map(({ xdr }) => toHex(xdr));
          for (const type of ORDINARY) {
            expect(xdrs(type, received)).toEqual(
              xdrs(
                type,
                sent.map((message) => ({ type: message.type, xdr: encode(message) })),
              ),
            );
          }
          const others = (list: readonly { type: string }[]) =>
            list.map(({ type }) => type).filter((type) => !(FLOOD_TYPES as readonly string[]).includes(type));
          expect(others(received)).toEqual(others(sent));
          expect(settled).toBe(messages[i]?.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are told the same when the answers come in one piece with what follows', () => {
    const [a, b] = (['A', 'B'] as const).map((side) => new Peer(optionsOf(pubnet1, side))) as [Peer, Peer];
    const now = at(Number(pubnet1.nowSeconds));
    a.start(now);
    b.push(a.takeOutput(now) as Uint8Array);
    expect(eventsOf(b, now).map(({ type }) => type)).toEqual(['hello']);
    a.push(b.takeOutput(now) as Uint8Array);
    expect(eventsOf(a, now).map(({ type }) => type)).toEqual(['hello']);
    b.push(a.takeOutput(now) as Uint8Array);
    expect(eventsOf(b, now).map(({ type }) => type)).toEqual(['authenticated']);
    b.send({ type: 'GET_SCP_STATE', ledgerSeq: 9 }, () => {});
    a.push(concatBytes(b.takeOutput(now) as Uint8Array));
    expect(eventsOf(a, now).map(({ type }) => type)).toEqual(['authenticated', 'message', 'message']);
  });
});

/** Small enough to run dry, large enough for any message that is sent here. */
function capacityArbitrary() {
  return fc.record({ messages: fc.integer({ min: 1, max: 60 }), bytes: fc.integer({ min: 2000, max: 20_000 }) });
}
