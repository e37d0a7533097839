/** Connections, remotes, events, steps and messages can be logged as JSON. */
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { type Connection, connect, type HandshakeStep, type ListenerEvent, listen, networks } from '../../../src/index.ts';
import { fromHex } from '../../../src/protocol/bytes.ts';
import { plainJson } from '../../../src/protocol/json.ts';
import { checkAuthenticatedMessage, readMessage, receivedMessage } from '../../../src/protocol/wire/authenticated-message.ts';
import { until } from '../../support/raw-peer.ts';
import { transcript, transcripts } from '../../support/vectors.ts';

const network = networks.standalone;

/** The value after JSON.stringify and JSON.parse. */
const told = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));

describe('JSON.stringify', () => {
  it('writes connections, remotes, listener events and steps of every type', async () => {
    const events: ListenerEvent[] = [];
    const steps: HandshakeStep[] = [];
    const listener = await listen({
      network,
      port: 0,
      onEvent: (event) => events.push(event),
      onStep: (step) => steps.push(step),
    });
    const options = {
      host: '127.0.0.1',
      port: listener.port,
      onStep: (step: HandshakeStep) => void steps.push(step),
      unsafeStepSecrets: true,
    };
    const connection: Connection = await connect({ ...options, network });
    await expect(connect({ ...options, network: networks.testnet })).rejects.toThrow();
    expect(told(connection)).toMatchObject({
      id: connection.id,
      role: 'WE_CALLED_REMOTE',
      remote: { peerID: listener.peerID, certExpirationSeconds: String(connection.remote.certExpirationSeconds) },
      remoteAddress: { port: listener.port },
    });
    expect(told(connection.remote)).toEqual({
      ...connection.remote,
      certExpirationSeconds: String(connection.remote.certExpirationSeconds),
    });
    await connection.close();
    await until(() => events.some(({ event }) => event === 'closed') && events.some(({ event }) => event === 'refused'));
    await listener.close();
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['connected', 'authenticated', 'closed', 'refused']));
    for (const event of events) expect(told(event)).toMatchObject({ event: event.event, id: event.id });
    expect(new Set(steps.map(({ step }) => step))).toEqual(
      new Set(['keys', 'cert', 'sent', 'received', 'check', 'shared-key', 'mac-keys', 'authenticated']),
    );
    for (const step of steps) {
      expect(told(step)).toEqual(plainJson({ ...step }));
      // The JSON has the public fields and nothing else.
      expect(Object.keys(step)).not.toContain('toJSON');
    }
    const cert = steps.find((step) => step.step === 'cert');
    expect(told(cert).cert).toMatchObject({
      expiration: expect.stringMatching(/^\d+$/),
      sig: expect.stringMatching(/^[0-9a-f]{128}$/),
    });
  });

  it.each(transcripts.map(([name]) => name).filter((name) => !name.includes('corrupt')))('writes every message of %s', (name) => {
    for (const { frameHex } of transcript(name).records) {
      const body = fromHex(frameHex).subarray(4);
      // An application never gets it.
      if (body[15] === 13) continue;
      const message = receivedMessage(checkAuthenticatedMessage(body, true), body, nodeCrypto);
      if (message.type === 'SCP_MESSAGE')
        expect(told(message)).toMatchObject({ envelope: { statement: { slotIndex: expect.stringMatching(/^\d+$/) } } });
      else expect(told(message).type).toBe(message.type);
      expect(plainJson(readMessage(body))).toMatchObject({ type: message.type });
    }
  });
});
