import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/protocol/bytes.ts';
import { FloodReceiver, FloodSender, type FloodType } from '../../src/protocol/channel/flow-control.ts';
import type { Now } from '../../src/protocol/clock.ts';
import { ENVELOPE_BYTES, MAX_RECORD_BYTES } from '../../src/protocol/constants.ts';
import { Peer, type PeerEvent } from '../../src/protocol/peer.ts';
import type { ProtocolViolation } from '../../src/protocol/violation.ts';
import { type ReceivedMessage, readMessage, type SendableMessage } from '../../src/protocol/wire/authenticated-message.ts';
import { RecordDecoder } from '../../src/protocol/wire/framing.ts';
import type { StellarMessage } from '../../src/protocol/wire/messages.ts';
import { at, Bench, eventsOf, optionsOf, pubnet1, recordsOf, typeOf } from '../support/vectors.ts';
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

describe('a record of the channel with a damaged byte or bit', () => {
  it.each(['A', 'B'] as const)('never gives %s a message, whichever byte is changed', (side) => {
    fc.assert(
      fc.property(anyMessage(ORDINARY), fc.nat(), fc.integer({ min: 1, max: 255 }), (message, where, xor) => {
        const bench = Bench.authenticated(side);
        const frame = bench.other.seal(message);
        const index = where % frame.length;
        // Bit 31 of the header is ignored.
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

  it('is refused with OVERLAY_UNEXPECTED_MAC, whichever bit of its MAC is changed', () => {
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
  it('makes a sender send the same messages in the same order as a simple model', () => {
    const grant = fc.record({ messages: fc.nat(4), bytes: fc.integer({ min: 1, max: 900 }) });
    const submit = fc.record({ type: fc.constantFrom(...FLOOD_TYPES), size: fc.integer({ min: 4, max: 400 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(grant, submit), { maxLength: 60 }), (commands) => {
        const sender = new FloodSender();
        const model = { messages: 0, bytes: 0, waiting: [] as { id: number; type: FloodType; size: number }[] };
        const left: number[] = [];
        const expected: number[] = [];
        /** After each command: what has left, the credit, and the bytes that wait. */
        const states: string[] = [];
        const expectedStates: string[] = [];
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
          const { messages, bytes } = sender.credit;
          states.push(`left ${left}, credit ${messages} and ${bytes}, ${sender.queuedBytes} bytes wait`);
          const waiting = model.waiting.reduce((sum, { size }) => sum + size, 0);
          expectedStates.push(`left ${expected}, credit ${model.messages} and ${model.bytes}, ${waiting} bytes wait`);
        }
        expect(states).toEqual(expectedStates);
        expect(sender.credit).toEqual({ messages: BigInt(model.messages), bytes: BigInt(model.bytes) });
      }),
      { numRuns: 500 },
    );
  });

  it('makes a receiver grant exactly what was consumed, so that the peer can always send again', () => {
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
            if (credit.messages > size.messages || credit.bytes > size.bytes) expect.fail(`granted too much: ${show(credit)}`);
          };
          for (const bytes of messages) {
            while (held.length > backlog) consume();
            while (held.length > 0 && (credit.messages < 1 || credit.bytes < bytes)) consume();
            // With everything consumed, a message of up to two thirds of the capacity may always be sent.
            if (credit.messages < 1 || credit.bytes < bytes) expect.fail(`${bytes} bytes cannot be sent: ${show(credit)}`);
            credit = { messages: credit.messages - 1, bytes: credit.bytes - bytes };
            receiver.lock(bytes);
            held.push(bytes);
          }
        },
      ),
    );
  });

  it('makes a receiver refuse the first message beyond either capacity', () => {
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
    schedule: fc.array(fc.record({ side: fc.nat(1), act: fc.constantFrom('send', 'consume', 'read'), bytes: fc.nat(3000) }), {
      maxLength: 300,
    }),
  });

  it('deliver all messages for any interleaving of sending, reading and consuming: each type in order, every flood message within credit', () => {
    fc.assert(
      fc.property(scenario, ({ capacities, messages, schedule }) => {
        const now = at(Number(pubnet1.nowSeconds));
        const ends = (['A', 'B'] as const).map((name, i) => {
          const options = optionsOf(pubnet1, name, { floodCapacity: capacities[i], serves: ['GET_TX_SET', 'GET_SCP_QUORUMSET'] });
          return new End(new Peer(options), messages[i] as readonly StellarMessage[], now);
        }) as [End, End];
        const move = ({ side, act, bytes }: (typeof schedule)[number]): boolean => {
          const end = ends[side] as End;
          const acted = act === 'send' ? end.send() : act === 'consume' ? end.consume() : end.read(bytes);
          for (const [i, other] of ends.entries()) (ends[1 - i] as End).wire.push(...other.leave());
          return acted;
        };
        move({ side: 0, act: 'read', bytes: 0 }); // HELLO leaves
        for (const step of schedule) move(step);
        // Then the rest, until nothing moves.
        const rest = [0, 1].flatMap((side) => (['send', 'read', 'consume'] as const).map((act) => ({ side, act, bytes: 1e9 })));
        let rounds = 0;
        while (rest.map(move).includes(true)) if (rounds++ > 5000) throw new Error('the peers do not come to an end');

        for (const [i, { peer, got, settled }] of ends.entries()) {
          const sent = messages[1 - i] as readonly StellarMessage[];
          expect(peer.error).toBeUndefined();
          expect(got.slice(0, 2).map(({ type }) => type)).toEqual(['hello', 'authenticated']);
          const received = got.flatMap((event) => (event.type === 'message' ? [event.message] : []));
          const asked = received.findIndex((message) => message.type === 'GET_SCP_STATE');
          received.splice(asked, 1); // the request that every peer sends after AUTH
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
      { numRuns: 100 },
    );
  });

  it('report the same events when AUTH and the messages after it arrive in one chunk', () => {
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

/** One of two peers, with the bytes on their way to it and a model of its credit, kept from nothing but records. */
class End {
  readonly peer: Peer;
  readonly wire: Uint8Array[] = [];
  readonly got: PeerEvent[] = [];
  settled = 0;
  readonly #toSend: StellarMessage[];
  readonly #now: Now;
  readonly #held: ReceivedMessage[] = [];
  readonly #read = new RecordDecoder();
  readonly #credit = { messages: 0n, bytes: 0n };

  constructor(peer: Peer, toSend: readonly StellarMessage[], now: Now) {
    this.peer = peer;
    this.#toSend = toSend.slice();
    this.#now = now;
    peer.start(now);
  }

  /** Sends its next message. @returns whether there was something to do, as all three do */
  send(): boolean {
    const message = this.peer.authenticated ? this.#toSend.shift() : undefined;
    if (message === undefined) return false;
    this.peer.send(message as SendableMessage, (error) => {
      if (error === undefined) this.settled++;
    });
    return true;
  }

  /** Releases the oldest message. */
  consume(): boolean {
    const message = this.#held.shift();
    if (message !== undefined) this.peer.release(message);
    return message !== undefined;
  }

  /** Reads at most this number of bytes. */
  read(bytes: number): boolean {
    const chunk = this.wire.shift();
    if (chunk === undefined) return false;
    if (chunk.length > bytes) this.wire.unshift(chunk.slice(bytes));
    const piece = chunk.slice(0, bytes);
    this.#read.push(piece.slice());
    for (let body = this.#read.next(MAX_RECORD_BYTES); body !== undefined; body = this.#read.next(MAX_RECORD_BYTES)) {
      const type = typeOf(body);
      if (type !== 'SEND_MORE_EXTENDED') continue;
      const grant = readMessage(body) as Extract<StellarMessage, { type: typeof type }>;
      this.#credit.messages += BigInt(grant.numMessages);
      this.#credit.bytes += BigInt(grant.numBytes);
    }
    this.peer.push(piece);
    const events = eventsOf(this.peer, this.#now);
    this.got.push(...events);
    this.#held.push(...events.flatMap((event) => (event.type === 'message' ? [event.message] : [])));
    return true;
  }

  /** The sent messages. They use the credit of the model, which must then equal that of the peer. */
  leave(): readonly Uint8Array[] {
    const output = this.peer.takeOutput(this.#now);
    for (const { type, body } of recordsOf(output)) {
      if (!(FLOOD_TYPES as readonly string[]).includes(type)) continue;
      this.#credit.messages -= 1n;
      this.#credit.bytes -= BigInt(body.length - ENVELOPE_BYTES);
    }
    if (this.#credit.messages < 0n || this.#credit.bytes < 0n) expect.fail(`beyond its credit: ${show(this.#credit)}`);
    if (show(this.peer.credit) !== show(this.#credit)) expect(this.peer.credit).toEqual(this.#credit);
    return output === undefined ? [] : [output];
  }
}

function show({ messages, bytes }: { readonly messages: number | bigint; readonly bytes: number | bigint }): string {
  return `${messages} messages and ${bytes} bytes`;
}

/** Small enough that the credit runs out, and large enough for any message of this test. */
function capacityArbitrary() {
  return fc.record({ messages: fc.integer({ min: 1, max: 60 }), bytes: fc.integer({ min: 2000, max: 20_000 }) });
}
