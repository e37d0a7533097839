import { describe, expect, it } from 'vitest';
import { deadlineMs, readProbeRequest } from '../../../src/exporter/request.ts';
import { Refusal } from '../../../src/http/server.ts';
import { networks } from '../../../src/index.ts';

const read = (query: string) => readProbeRequest(new URLSearchParams(query), networks.pubnet);
const PEER = 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN';

function refusal(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('parameters of /probe', () => {
  it('probe a target on the default network and the default port', () => {
    expect(read('target=core.example.org')).toEqual({
      target: { host: 'core.example.org', port: 11625 },
      network: networks.pubnet,
      expectedPeerID: undefined,
      debug: false,
    });
  });

  it('may all be given', () => {
    expect(read(`target=[2001:db8::1]:1234&network=testnet&expect=${PEER}&debug=true`)).toEqual({
      target: { host: '2001:db8::1', port: 1234 },
      network: networks.testnet,
      expectedPeerID: PEER,
      debug: true,
    });
  });

  it('may name a network by its passphrase, and a known one gets its name', () => {
    expect(read('target=a&network=My+own+network').network).toMatchObject({ passphrase: 'My own network' });
    expect(read('target=a&network=Test+SDF+Network+;+September+2015').network).toBe(networks.testnet);
    // A name every object has is no name of a network.
    expect(read('target=a&network=constructor').network.passphrase).toBe('constructor');
  });

  it.each([
    ['', 'target is missing'],
    ['target=', 'target is missing'],
    ['target=a&target=b', 'target was given more than once'],
    ['target=a:b:c', 'target is wrong'],
    ['target=a:0', 'target is wrong'],
    ['target=http://a/', 'target is wrong'],
    ['target=a&network=', 'network takes a name or a passphrase'],
    ['target=a&expect=', 'expect is wrong'],
    ['target=a&expect=GABC', 'expect is wrong'],
    ['target=a&debug=yes', 'debug takes true or false'],
    ['target=a&netwrok=testnet', 'no parameter "netwrok"'],
  ])('%j are refused with 400: %s', (query, why) => {
    const { status, message } = refusal(() => read(query));
    expect(status).toBe(400);
    expect(message).toContain(why);
    expect(message).toMatch(/\.$/);
  });
});

describe('the deadline of a probe', () => {
  it.each([
    [undefined, 10_000, 10_000],
    ['10', 10_000, 9_500],
    ['15', 10_000, 10_000],
    ['5.25', 10_000, 4_750],
    ['1', 10_000, 500],
    ['0.6', 10_000, 300],
    ['0.0001', 10_000, 1],
    ['10', 2_000, 2_000],
  ])('for a scrape timeout of %s s and a maximum of %d ms is %d ms', (header, capMs, expected) => {
    expect(deadlineMs(header, capMs)).toBe(expected);
  });

  it.each(['', '0', '-1', 'ten', '1e3', 'NaN', '1s', '1, 2'])('is refused for the scrape timeout %j', (header) => {
    expect(refusal(() => deadlineMs(header, 1)).status).toBe(400);
  });
});
