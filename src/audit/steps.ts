/**
 * The steps of cases: actions against a target. Each step is a value with a description.
 * @module
 */
import { equalBytes } from '../protocol/bytes.ts';
import { RECORD_HEADER_BYTES } from '../protocol/constants.ts';
import type { StellarMessage, UnknownMessage } from '../protocol/wire/messages.ts';
import type { HelloOptions } from '../testing/mock-peer.ts';
import { MAC_VARIATIONS, type MacVariation, remakeMac, spoilMac } from './mac.ts';
import { CannotPlay, type Scene } from './scene.ts';

/** One action. */
export interface Step {
  /** Its description. */
  readonly text: string;
  /** Does it. @throws {CannotPlay} when its honest part fails */
  play(scene: Scene): void | Promise<void>;
}

/** A value, or a function that makes it from the scene when needed. */
export type Made<T> = T | ((scene: Scene) => T);

/** How a message is sealed. Default: correctly. */
export interface Seal {
  readonly mac?: MacVariation;
  /** Computes the sequence to send from the correct one. The MAC matches it. */
  readonly sequence?: (next: bigint) => bigint;
}

/** Makes a step. */
export function step(text: string, play: Step['play']): Step {
  return { text, play };
}

/**
 * The connection is open and we have sent nothing; a target that dials has sent its HELLO.
 * @throws {CannotPlay} when a dialling target does not
 */
export const connected: Step = step('a connection', (scene) =>
  scene.role === 'WE_CALLED_REMOTE' ? hear(scene, 'HELLO') : undefined,
);

/** Both sides have sent HELLO, and the target has accepted ours; a target that dialled has sent AUTH. */
export const greeted: Step = step('HELLO from both sides', async (scene) => {
  await connected.play(scene);
  scene.peer.hello();
  await hear(scene, scene.role === 'WE_CALLED_REMOTE' ? 'AUTH' : 'HELLO');
});

/** The whole handshake, and our first grant. */
export const authenticated: Step = step('a whole honest handshake', (scene) => shakeHands(scene, true));

/** The whole handshake without a grant from us. */
export const authenticatedWithoutGrant: Step = step('an honest handshake, but we grant nothing', (scene) =>
  shakeHands(scene, false),
);

/** HELLO with something unusual in it. */
export function hello(unusual: string, options: Made<HelloOptions>, edit: (record: Uint8Array) => Uint8Array = same): Step {
  return step(`HELLO: ${unusual}`, (scene) => {
    const { peer } = scene;
    const fields = made(options, scene);
    const record = peer.mock.helloRecord({ ...peer.honestHello, ...fields });
    peer.helloSent = true;
    peer.isKeyless = fields.cert !== undefined && !equalBytes(fields.cert.pubkey, peer.mock.ecdh.publicKey);
    peer.send(edit(record), `HELLO: ${unusual}`);
  });
}

/** AUTH. */
export function auth(flags = 200, seal: Seal = {}): Step {
  const unusual = flags === 200 ? '' : ` with flags ${flags}`;
  const message = sends(`AUTH${unusual}${sealed(seal)}`, { type: 'AUTH', flags }, seal);
  return step(message.text, (scene) => {
    scene.peer.authSent = true;
    return message.play(scene);
  });
}

/** A message with sequence and MAC; one of the two may be wrong. @param message a message or its XDR */
export function sends(text: string, message: Made<StellarMessage | UnknownMessage | Uint8Array>, seal: Seal = {}): Step {
  return step(text, (scene) => {
    const { peer } = scene;
    peer.send(sealRecord(scene, peer.mock.record(made(message, scene)), seal), text);
  });
}

/** A record body. Its first 12 bytes and its MAC are filled in; the rest is arbitrary. */
export function sendsBody(text: string, body: Made<Uint8Array>, seal: Seal = {}): Step {
  return step(text, (scene) => {
    const record = frame(made(body, scene));
    scene.peer.send(scene.peer.mock.unsafeKeys === undefined ? record : sealRecord(scene, record, seal), text);
  });
}

/** Unchanged bytes. */
export function raw(text: string, bytes: Made<Uint8Array>): Step {
  return step(text, (scene) => scene.peer.send(made(bytes, scene), text));
}

/** The header of a record without its body. @param bits all 32 bits, with the high bit */
export function header(bits: number): Step {
  return raw(
    `a record header of ${(bits >>> 0).toString(16).padStart(8, '0')}: ${bits & 0x7fffffff} bytes are announced`,
    Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits),
  );
}

/** The bytes of other steps in one write. These steps must not wait. */
export function atOnce(...steps: readonly Step[]): Step {
  return step(`in one write: ${steps.map(({ text }) => text).join('; ')}`, async (scene) => {
    const { peer } = scene;
    peer.hold();
    for (const { play } of steps) await play(scene);
    peer.mock.sendRaw(peer.release());
  });
}

/** The bytes of another step, one byte for each write. */
export function byteByByte(sent: Step): Step {
  return step(`byte by byte: ${sent.text}`, async (scene) => {
    const { peer } = scene;
    peer.hold();
    await sent.play(scene);
    await peer.mock.drip(peer.release(), 1);
  });
}

/** Nothing is sent for this time. */
export function pause(ms: number): Step {
  return step(`${ms / 1000} s of silence`, async ({ peer }) => void (await peer.untilEnded(ms)));
}

/** Our side of the TCP connection is closed, in an orderly way. */
export const fin: Step = step('FIN', ({ peer }) => {
  peer.note('us', 'FIN');
  peer.close();
});

/** Our side breaks the connection. */
export const rst: Step = step('RST', ({ peer }) => {
  peer.note('us', 'RST');
  peer.mock.reset();
});

/** Gives the target time to react before the next step. */
export const reaction: Step = step('a short wait for the target to react', async ({ peer, timing }) => {
  await peer.until(() => peer.refusal !== undefined, timing.settleMs);
});

/** A ping and its answer: then the target has processed everything before it. */
export const pinged: Step = step('a ping, answered', async (scene) => {
  const { peer, timing, facts } = scene;
  const pong = peer.ping();
  if (facts?.answersPings === false) await peer.untilEnded(timing.settleMs);
  else if (!(await peer.until(pong, timing.reactMs))) refuseToGoOn(scene, 'the answer to a ping', true);
});

/** Another connection. The steps after it and the expectation use this one. */
export function anotherConnection(identity: 'with the same identity' | 'with another identity'): Step {
  return step(`another connection ${identity}`, async (scene) => {
    await scene.open(identity === 'with the same identity' ? scene.peer.identity : undefined);
  });
}

/** A record around a body: a good header, the body as it is. */
export function frame(body: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_BYTES + body.length);
  new DataView(record.buffer).setUint32(0, (0x80000000 | body.length) >>> 0);
  record.set(body, RECORD_HEADER_BYTES);
  return record;
}

/** Makes a value in a scene. */
export function made<T>(value: Made<T>, scene: Scene): T {
  return typeof value === 'function' ? (value as (scene: Scene) => T)(scene) : value;
}

async function shakeHands(scene: Scene, grants: boolean): Promise<void> {
  await greeted.play(scene);
  const { peer, timing } = scene;
  peer.auth();
  if (grants) peer.grant();
  await hear(scene, 'AUTH');
  // The first grant shows that there is a slot for us. Another case finds a target that never grants.
  await peer.until(() => peer.types.includes('SEND_MORE_EXTENDED') || peer.refusal !== undefined, timing.reactMs);
  refuseToGoOn(scene, 'SEND_MORE_EXTENDED');
}

/** @throws {CannotPlay} when the target does not send it */
async function hear(scene: Scene, type: 'HELLO' | 'AUTH' | 'SEND_MORE_EXTENDED'): Promise<void> {
  const { peer, timing } = scene;
  const heard = (): boolean => peer.types.includes(type);
  await peer.until(() => heard() || peer.refusal !== undefined, timing.reactMs);
  if (!heard()) refuseToGoOn(scene, type, true);
}

/** @throws {CannotPlay} when the target has refused us, closed, or not sent the required message */
function refuseToGoOn({ peer }: Scene, awaited: string, isMissing = false): void {
  const { refusal, ended, faults } = peer;
  if (refusal?.code === 'ERR_LOAD') throw new CannotPlay('not-applicable', `it has no free slot: ERR_LOAD “${refusal.msg}”`);
  if (refusal !== undefined)
    throw new CannotPlay(
      'undecided',
      `it refused the honest part before the case: ${refusal.code} “${refusal.msg}” instead of ${awaited}`,
    );
  if (faults.length > 0) throw new CannotPlay('undecided', `the honest part before the case failed: ${faults[0]}`);
  if (ended !== undefined)
    throw new CannotPlay('undecided', `it closed in the honest part before the case, where ${awaited} was expected`);
  if (isMissing) throw new CannotPlay('undecided', `${awaited} did not come in time in the honest part before the case`);
}

function sealRecord({ peer: { mock } }: Scene, record: Uint8Array, { mac, sequence }: Seal): Uint8Array {
  mock.seal(record);
  const keys = mock.unsafeKeys;
  if (sequence !== undefined) {
    const view = new DataView(record.buffer, record.byteOffset);
    view.setBigUint64(8, BigInt.asUintN(64, sequence(view.getBigUint64(8))));
    if (keys !== undefined) remakeMac(record, keys);
  }
  if (mac !== undefined && keys !== undefined) spoilMac(record, mac, keys);
  return record;
}

function sealed({ mac, sequence }: Seal): string {
  const parts = [mac && MAC_VARIATIONS[mac], sequence && `sequence ${BigInt.asUintN(64, sequence(0n))}`];
  const text = parts.filter((part) => part !== undefined).join(' and ');
  return text === '' ? '' : ` with ${text}`;
}

function same(record: Uint8Array): Uint8Array {
  return record;
}
