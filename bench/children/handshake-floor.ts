/**
 * Does handshakes on a bare socket: the same records in the same order, with only the necessary cryptography.
 * Arguments: dials or accepts, variant, port to dial.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { HmacSha256Key } from '../../src/crypto/hmac-sha256.ts';
import { cpuSince, serve, tell } from '../support/child.ts';
import { type FloorMac, FloorReceiver, recordLength, sealRecord } from '../support/floor.ts';
import { dialMany, type Side, type Variant } from '../support/handshakes.ts';
import { NETWORK_ID } from '../support/raw-peer.ts';

const [side, variant, port] = process.argv.slice(2) as [Side, Variant, string];
const VERSION = Buffer.from('stellar-handshake 0.1.0 ');

const identity = makeKeyPair('ed25519');
const identityRaw = identity.publicRaw;
const verified = new Map<string, boolean>();
const sharedKeys = new Map<string, Buffer>();

interface Ecdh {
  readonly privateKey: KeyObject;
  readonly publicRaw: Buffer;
  /** A HELLO record without a nonce. */
  readonly hello: Buffer;
}

/** As JWK, as `src/crypto/node.ts` does. */
function makeKeyPair(type: 'ed25519' | 'x25519'): { readonly privateKey: KeyObject; readonly publicRaw: Buffer } {
  const encoding = { publicKeyEncoding: { format: 'jwk' }, privateKeyEncoding: { format: 'jwk' } } as object;
  const { privateKey: key } = generateKeyPairSync(type as 'ed25519', encoding) as unknown as { privateKey: { x: string } };
  return { privateKey: createPrivateKey({ key, format: 'jwk' }), publicRaw: Buffer.from(key.x, 'base64url') };
}

function makeEcdh(): Ecdh {
  const { privateKey, publicRaw } = makeKeyPair('x25519');
  const expiration = Buffer.alloc(8);
  expiration.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) + 3600));
  const sig = sign(null, hash('sha256', certPayload(expiration, publicRaw), 'buffer'), identity.privateKey);
  const u32 = (value: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(value);
    return out;
  };
  const body = Buffer.concat([
    ...[0, 0, 0, 13, 27, 42, 38].map(u32),
    NETWORK_ID,
    u32(VERSION.length),
    VERSION,
    u32(11625),
    u32(0),
    identityRaw,
    publicRaw,
    expiration,
    u32(64),
    sig,
    Buffer.alloc(32 + 32),
  ]);
  return { privateKey, publicRaw, hello: Buffer.concat([u32(0x80000000 + body.length), body]) };
}

function certPayload(expiration: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.concat([NETWORK_ID, Buffer.of(0, 0, 0, 3), expiration, key]);
}

const perProcess = makeEcdh();

/** One connection, until it is closed. */
function shake(socket: Socket): Promise<void> {
  const ecdh = variant === 'own ECDH key each' ? makeEcdh() : perProcess;
  const nonce = randomBytes(32);
  let sender: FloorMac | undefined;
  let receiver: FloorReceiver | undefined;
  const sayHello = (): Buffer => {
    const hello = Buffer.from(ecdh.hello);
    hello.set(nonce, hello.length - 64);
    return hello;
  };
  const onHello = (record: Buffer): void => {
    const at = 4 + 64 + ((record.readUInt32BE(64) + 3) & ~3) + 8;
    const remoteKey = record.subarray(at + 32, at + 64);
    const cert = record.subarray(at, at + 32 + 32 + 8 + 4 + 64);
    const expiration = record.subarray(at + 64, at + 72);
    const certKey = cert.toString('latin1');
    if (verified.get(certKey) === undefined) {
      const digest = hash('sha256', certPayload(expiration, remoteKey), 'buffer');
      const good = verify(null, digest, importKey('Ed25519', record.subarray(at, at + 32)), record.subarray(at + 76, at + 140));
      if (!good) throw new Error('cert');
      verified.set(certKey, good);
    }
    const sharedName = remoteKey.toString('latin1');
    let shared = variant === 'own ECDH key each' ? undefined : sharedKeys.get(sharedName);
    if (shared === undefined) {
      const q = diffieHellman({ privateKey: ecdh.privateKey, publicKey: importKey('X25519', remoteKey) });
      const pair = side === 'dials' ? [ecdh.publicRaw, remoteKey] : [remoteKey, ecdh.publicRaw];
      shared = createHmac('sha256', Buffer.alloc(32))
        .update(Buffer.concat([q, ...pair]))
        .digest();
      if (variant !== 'own ECDH key each') sharedKeys.set(sharedName, shared);
    }
    const remoteNonce = record.subarray(at + 140, at + 172);
    const [own, theirs] = side === 'dials' ? [0, 1] : [1, 0];
    const sending = createHmac('sha256', shared)
      .update(Buffer.concat([Buffer.of(own), nonce, remoteNonce, Buffer.of(1)]))
      .digest();
    const receiving = createHmac('sha256', shared)
      .update(Buffer.concat([Buffer.of(theirs), remoteNonce, nonce, Buffer.of(1)]))
      .digest();
    sender = floorMac(sending);
    let records = 0;
    receiver = new FloorReceiver(floorMac(receiving), 0, () => {
      // AUTH, then the other side's first grant; an acceptor answers AUTH with its own.
      if (records++ > 0) return;
      socket.write(side === 'accepts' ? Buffer.concat([sealed(2, 200, 0), sealed(20, 200, 1)]) : sealed(20, 200, 1));
      if (variant === 'late peer') socket.destroySoon();
    });
    socket.write(side === 'accepts' ? sayHello() : sealed(2, 200, 0));
  };
  const sealed = (type: number, value: number, sequence: number): Buffer => {
    const record = Buffer.alloc(type === 20 ? 60 : 56);
    record[19] = type;
    record.writeUInt32BE(value, 20);
    if (type === 20) record.writeUInt32BE(300_000, 24);
    sealRecord(sender as FloorMac, record, 0, record.length, sequence);
    return record;
  };
  let partial: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => {
    if (receiver !== undefined) return receiver.push(chunk);
    partial = partial === undefined ? chunk : Buffer.concat([partial, chunk]);
    if (partial.length < 4) return;
    const end = 4 + recordLength(partial, 0);
    if (partial.length < end) return;
    onHello(partial);
    if (partial.length > end) (receiver as unknown as FloorReceiver).push(partial.subarray(end));
  });
  socket.on('error', () => {});
  if (side === 'dials') socket.once('connect', () => socket.write(sayHello()));
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function importKey(crv: string, raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x: raw.toString('base64url') }, format: 'jwk' });
}

function floorMac(key: Uint8Array): FloorMac {
  const mac = new HmacSha256Key(key);
  return { name: '', seal: (...args) => mac.seal(...args), verify: (...args) => mac.verify(...args) };
}

if (side === 'dials') {
  serve(({ count }: { count: number }) =>
    dialMany(count, () => shake(connect({ host: '127.0.0.1', port: Number(port), noDelay: true }))),
  );
  tell({ port: 0 });
} else {
  let onClosed = (): void => {};
  const server = createServer({ noDelay: true }, (socket) => void shake(socket).then(() => onClosed()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  serve(async ({ count }: { count: number }) => {
    const mark = process.cpuUsage();
    let left = count;
    await new Promise<void>((resolve) => {
      onClosed = () => {
        if (--left === 0) resolve();
      };
    });
    return { micros: cpuSince(mark) / count };
  });
  tell({ port: (server.address() as { port: number }).port });
}
