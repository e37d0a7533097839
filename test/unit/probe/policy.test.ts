import { describe, expect, it } from 'vitest';
import { networkFromPassphrase, networks } from '../../../src/index.ts';
import { parseTarget } from '../../../src/net/target.ts';
import { judge, parsePolicy, rulesFor } from '../../../src/probe/policy.ts';
import type { ProbeResult } from '../../../src/probe/probe.ts';

const ALICE = 'GCADMDSIGUXZD66NKUCOQTFBN3EYSE3OAW5MPN3VWP7DVLVXAYFJQTPN';
const BOB = 'GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7';
const NOW = Date.parse('2026-01-01T00:00:00Z') / 1000;
const TARGET = parseTarget('a.example');

const GOOD: ProbeResult = {
  target: 'a.example:11625',
  at: '2026-11-24T07:30:05.123Z',
  ok: true,
  role: 'WE_CALLED_REMOTE',
  remote: {
    peerID: ALICE,
    versionStr: 'v27.1.0',
    ledgerVersion: 27,
    overlayVersion: 41,
    overlayMinVersion: 40,
    listeningPort: 11625,
    networkID: networks.testnet.networkID,
    network: 'testnet',
    certExpiration: '2026-01-01T00:30:00Z',
  },
  timings: { dnsMs: 1, tcpMs: 2, helloMs: 3, authMs: 4, totalMs: 10, pingMs: 5 },
  clockSkew: { minSeconds: -1800, maxSeconds: 0 },
};

/** The verdict of the only rule of a policy. */
function verdict(policy: object, result: ProbeResult = GOOD): { ok: boolean | null; detail: string } {
  const [first, ...rest] = judge(parsePolicy(policy), TARGET, result, NOW);
  expect(rest).toEqual([]);
  if (first === undefined) throw new Error('no verdict');
  return first;
}

describe('the rule on the advertised port', () => {
  const otherPort = { ...GOOD, target: 'a.example:4000' };

  it('accepts only the dialled port, or a given number', () => {
    expect(verdict({ listeningPort: 'dialled' })).toMatchObject({ ok: true });
    expect(verdict({ listeningPort: 'dialled' }, otherPort)).toMatchObject({
      ok: false,
      detail: 'it advertises listening port 11625, 4000 wanted',
    });
    expect(verdict({ listeningPort: 11625 }, otherPort)).toMatchObject({ ok: true });
    const { remote: _remote, ...nobody } = GOOD;
    expect(verdict({ listeningPort: 'dialled' }, nobody)).toMatchObject({ ok: null });
    expect(() => parsePolicy({ listeningPort: 'any' })).toThrow(/^listeningPort must be "dialled" or a whole number from 0/);
  });
});

describe('a policy', () => {
  it('has no verdicts without rules', () => {
    expect(judge(parsePolicy({}), TARGET, GOOD, NOW)).toEqual([]);
    expect(judge(parsePolicy({ peers: {} }), TARGET, GOOD, NOW)).toEqual([]);
  });

  it('has a verdict for each rule, network and key first', () => {
    const policy = parsePolicy({ maxPingMs: 1, minOverlayVersion: 41, peers: { '*': { peerID: ALICE } }, network: 'testnet' });
    expect(judge(policy, TARGET, GOOD, NOW)).toEqual([
      { rule: 'network', ok: true, detail: 'testnet' },
      { rule: 'peerID', ok: true, detail: ALICE },
      { rule: 'maxPingMs', ok: false, detail: 'the ping took 5 ms, at most 1 ms wanted' },
      { rule: 'minOverlayVersion', ok: true, detail: 'overlay 41, at least 41 wanted' },
    ]);
    expect(rulesFor(policy, TARGET)).toEqual(['network', 'peerID', 'maxPingMs', 'minOverlayVersion']);
  });

  it.each([
    [null, 'the policy must be an object, not null'],
    [[], 'the policy must be an object, not an array'],
    ['x', 'the policy must be an object, not a string'],
    [{ minOverlay: 1 }, 'minOverlay is not known; there is network, peers, minOverlayVersion, '],
    [JSON.parse('{"__proto__": 1}'), '__proto__ is not known'],
    [{ network: 1 }, 'network must be a name or a passphrase, not 1'],
    [{ network: '' }, 'network must be a name or a passphrase, not an empty string'],
    [{ peers: [] }, 'peers must be an object, not an array'],
    [{ peers: null }, 'peers must be an object, not null'],
    [{ peers: { 'a b': {} } }, 'peers["a b"]: not a target: "a b"'],
    [{ peers: { a: ALICE } }, 'peers["a"] must be an object, not a string'],
    [{ peers: { a: { peerId: ALICE } } }, 'peers["a"].peerId is not known; there is peerID'],
    [{ peers: { a: { peerID: 7 } } }, 'peers["a"].peerID must be a G… key, not 7'],
    [{ peers: { a: { peerID: `${ALICE.slice(0, -1)}A` } } }, 'peers["a"].peerID: '],
    [{ peers: { a: { peerID: ALICE }, 'A:11625': { peerID: BOB } } }, 'peers["A:11625"] names the same target a second time'],
    [{ minOverlayVersion: '41' }, 'minOverlayVersion must be a whole number from 0, not a string'],
    [{ minLedgerVersion: 1.5 }, 'minLedgerVersion must be a whole number from 0, not 1.5'],
    [{ maxTotalMs: -1 }, 'maxTotalMs must be a number from 0, not -1'],
    [{ maxPingMs: null }, 'maxPingMs must be a number from 0, not null'],
    [{ maxClockSkewSeconds: {} }, 'maxClockSkewSeconds must be a number from 0, not an object'],
    [{ maxCertificateSecondsLeft: true }, 'maxCertificateSecondsLeft must be a number from 0, not true'],
  ])('is refused when it is %j: %s', (json, message) => {
    expect(() => parsePolicy(json)).toThrow(TypeError);
    expect(() => parsePolicy(json)).toThrow(message);
  });

  it('is refused without printing a string in place of a number', () => {
    const secret = 'SAEBFML7QAWLWRCNJJM4JVQAUJ5LZMZXD6QYRHQEPVHO4A2HSP65Z7JY';
    expect(() => parsePolicy({ maxTotalMs: secret })).toThrow(/^((?!SAEB).)*$/);
  });
});

describe('the rule on the network', () => {
  it('accepts a name or a passphrase', () => {
    expect(verdict({ network: 'testnet' })).toMatchObject({ ok: true, detail: 'testnet' });
    expect(verdict({ network: networks.testnet.passphrase })).toMatchObject({ ok: true });
    expect(verdict({ network: 'pubnet' })).toMatchObject({ ok: false, detail: 'testnet, pubnet wanted' });
  });

  it('prints the networkID of a network without a name', () => {
    const { networkID } = networkFromPassphrase('private ; 2026');
    expect(verdict({ network: 'private ; 2026' })).toMatchObject({ ok: false, detail: `testnet, ${networkID} wanted` });
  });
});

describe('the rule on the key', () => {
  it('applies to one target in any spelling, and to no other', () => {
    expect(verdict({ peers: { 'A.Example:11625': { peerID: ALICE } } }).ok).toBe(true);
    expect(verdict({ peers: { 'a.example': { peerID: BOB } } })).toMatchObject({ ok: false, detail: `${ALICE}, ${BOB} wanted` });
    expect(judge(parsePolicy({ peers: { 'b.example': { peerID: BOB } } }), TARGET, GOOD, NOW)).toEqual([]);
  });

  it('applies with * to every target without its own rule', () => {
    expect(verdict({ peers: { '*': { peerID: BOB } } }).ok).toBe(false);
    expect(verdict({ peers: { '*': { peerID: BOB }, 'a.example': { peerID: ALICE } } }).ok).toBe(true);
    expect(verdict({ peers: { '*': { peerID: BOB }, 'a.example': {} } }).ok).toBe(false);
  });
});

describe('the rule on the clock', () => {
  const skew = (minSeconds: number, maxSeconds: number): ProbeResult => ({ ...GOOD, clockSkew: { minSeconds, maxSeconds } });

  it.each([
    [-1800, 0, true],
    [0, 1800, true],
    [60, 1860, true],
    [61, 1861, false],
    [-1860, -60, true],
    [-1861, -61, false],
    [-900, 900, true],
  ])('fails only if the whole interval from %i to %i s is outside ±60 s', (min, max, ok) => {
    expect(verdict({ maxClockSkewSeconds: 60 }, skew(min, max)).ok).toBe(ok);
  });

  it('is undecided if the date of the certificate gives no information', () => {
    const { clockSkew: _skew, ...rest } = GOOD;
    expect(verdict({ maxClockSkewSeconds: 60 }, rest)).toMatchObject({
      ok: null,
      detail: 'the date of its certificate gives no information about its clock',
    });
  });
});

describe('the other rules', () => {
  it.each([
    [{ minOverlayVersion: 41 }, true],
    [{ minOverlayVersion: 42 }, false],
    [{ minLedgerVersion: 27 }, true],
    [{ minLedgerVersion: 28 }, false],
    [{ maxTotalMs: 10 }, true],
    [{ maxTotalMs: 9.9 }, false],
    [{ maxPingMs: 5 }, true],
    [{ maxPingMs: 4.5 }, false],
    [{ maxCertificateSecondsLeft: 1800 }, true],
    [{ maxCertificateSecondsLeft: 1799 }, false],
  ])('%j gives %s', (policy, ok) => {
    expect(verdict(policy).ok).toBe(ok);
  });

  it('maxCertificateSecondsLeft fails for a certificate with its expiration in milliseconds', () => {
    const remote = { ...(GOOD.remote as NonNullable<ProbeResult['remote']>), certExpiration: String(NOW * 1_000_000) };
    expect(verdict({ maxCertificateSecondsLeft: 3600 }, { ...GOOD, remote }).ok).toBe(false);
  });

  it('maxPingMs fails for a ping without answer', () => {
    const { pingMs: _ping, ...timings } = GOOD.timings as NonNullable<ProbeResult['timings']>;
    expect(verdict({ maxPingMs: 10_000 }, { ...GOOD, timings })).toMatchObject({ ok: false });
  });
});

describe('the verdicts on a failed probe', () => {
  const everything = parsePolicy({
    network: 'testnet',
    peers: { '*': { peerID: ALICE } },
    minOverlayVersion: 42,
    minLedgerVersion: 27,
    maxClockSkewSeconds: 60,
    maxCertificateSecondsLeft: 3600,
    maxTotalMs: 1,
    maxPingMs: 1,
  });

  it('are all undecided before the certificate is received', () => {
    const verdicts = judge(
      everything,
      TARGET,
      { target: GOOD.target, at: '2026-11-24T07:30:05.123Z', ok: false, role: GOOD.role },
      NOW,
    );
    expect(verdicts).toHaveLength(8);
    for (const { ok } of verdicts) expect(ok).toBeNull();
  });

  it('cover the part that was completed', () => {
    const { timings: _timings, ...rest } = GOOD;
    const verdicts = judge(everything, TARGET, { ...rest, ok: false }, NOW);
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, true, false, true, true, true, null, null]);
  });
});
