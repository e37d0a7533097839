import { describe, expect, it } from 'vitest';
import { parseCoreConfig } from '../../../src/cli/core-config.ts';
import { NodeIdentity } from '../../../src/net/identity.ts';
import { encodeSecretSeed } from '../../../src/protocol/strkey.ts';

const seedOf = (byte: number): string => encodeSecretSeed(new Uint8Array(32).fill(byte));
const keyOf = (byte: number): string => NodeIdentity.fromSecretSeed(seedOf(byte)).peerID;
const [A, B, C, D, E] = [1, 2, 3, 4, 5].map(keyOf) as [string, string, string, string, string];
const SELF = keyOf(9);

const CONFIG = `
# a node of ours
NETWORK_PASSPHRASE="Test SDF Network ; September 2015"
NODE_SEED="${seedOf(9)} self"   # keep it
NODE_IS_VALIDATOR=true
NODE_HOME_DOMAIN="ours.example"
NODE_NAMES=["${A}  alice"]
MAX_CONCURRENT_SUBPROCESSES=9223372036854775807
KNOWN_PEERS=[
  "core-1.example.org",   # one
  "192.0.2.1:11625",
]
PREFERRED_PEERS=['core-2.example.org:11725']

[[HOME_DOMAINS]]
HOME_DOMAIN="ours.example"
QUALITY="HIGH"

[[VALIDATORS]]
NAME="bob"
PUBLIC_KEY="${B}"
ADDRESS="core-3.example.org:11625"
HOME_DOMAIN="ours.example"
HISTORY="curl -sf http://history.example.org/{0} -o {1}"

[[VALIDATORS]]
NAME="carol"
PUBLIC_KEY="${C}"
HOME_DOMAIN="theirs.example"
QUALITY="LOW"

[QUORUM_SET]
THRESHOLD_PERCENT=66
VALIDATORS=["$alice", "${D} dave", "$$self"]

[QUORUM_SET.1]
VALIDATORS=["$self", "$dave"]

[QUORUM_SET.1.deeper]
THRESHOLD_PERCENT=100
VALIDATORS=["$bob", "$erin"]

[QUORUM_SET.2]
VALIDATORS=["${E} erin"]

[HISTORY.local]
get="cp /history/{0} {1}"
`;

describe('a stellar-core.cfg file', () => {
  it('is parsed completely, with all names of keys replaced by keys', async () => {
    expect(await parseCoreConfig(CONFIG)).toEqual({
      networkPassphrase: 'Test SDF Network ; September 2015',
      knownPeers: ['core-1.example.org', '192.0.2.1:11625'],
      preferredPeers: ['core-2.example.org:11725'],
      peerID: SELF,
      nodeIsValidator: true,
      nodeHomeDomain: 'ours.example',
      validators: [
        { name: 'bob', peerID: B, homeDomain: 'ours.example', quality: 'HIGH', address: 'core-3.example.org:11625' },
        { name: 'carol', peerID: C, homeDomain: 'theirs.example', quality: 'LOW' },
      ],
      homeDomains: new Map([['ours.example', 'HIGH']]),
      quorumSet: {
        thresholdPercent: 66,
        validators: [A, D, SELF],
        innerSets: [
          {
            thresholdPercent: 67,
            validators: [SELF, D],
            innerSets: [{ thresholdPercent: 100, validators: [B, E], innerSets: [] }],
          },
          { thresholdPercent: 67, validators: [E], innerSets: [] },
        ],
      },
    });
  });

  it('is parsed without keeping its seed', async () => {
    const { inspect } = await import('node:util');
    expect(inspect(await parseCoreConfig(CONFIG), { depth: null, showHidden: true })).not.toContain(seedOf(9));
  });

  it('may have few entries, a byte order mark and CRLF', async () => {
    expect(await parseCoreConfig('\ufeffHTTP_PORT=0\r\nKNOWN_PEERS=["a"]\r\n')).toEqual({
      knownPeers: ['a'],
      preferredPeers: [],
      nodeIsValidator: false,
      validators: [],
      homeDomains: new Map(),
    });
  });

  it.each([
    ['KNOWN_PEERS=["a"', 'line 1, column 17: expected comma or end of structure'],
    ['KNOWN_PEERS="a"', 'KNOWN_PEERS: not an array of strings'],
    ['VALIDATORS=["G"]', 'VALIDATORS: write [[VALIDATORS]]'],
    ['[[VALIDATORS]]\nPUBLIC_KEY="G"', 'VALIDATORS: NAME is missing'],
    [
      '[[VALIDATORS]]\nNAME="a"\nHOME_DOMAIN="d"\nPUBLIC_KEY="G"',
      'VALIDATORS a: PUBLIC_KEY: not a public key (G…): 1 characters instead of 56',
    ],
    [
      `[[VALIDATORS]]\nNAME="a"\nHOME_DOMAIN="d"\nPUBLIC_KEY="${A}"`,
      'VALIDATORS a: no QUALITY, neither here nor for d in HOME_DOMAINS',
    ],
    ['[[HOME_DOMAINS]]\nHOME_DOMAIN="d"\nQUALITY="BEST"', 'HOME_DOMAINS d: QUALITY is one of LOW, MEDIUM, HIGH, CRITICAL'],
    ['[QUORUM_SET]\nTHRESHOLD_PERCENT=51', 'QUORUM_SET: no validator and no inner set'],
    [`[QUORUM_SET]\nTHRESHOLD_PERCENT=0\nVALIDATORS=["${A}"]`, 'QUORUM_SET: THRESHOLD_PERCENT is a whole number from 1 to 100'],
    ['[QUORUM_SET.1]\nVALIDATORS=["$nobody"]', 'QUORUM_SET.1: VALIDATORS: no key has the name nobody'],
    [
      '[QUORUM_SET]\nVALIDATORS=["$self"]',
      'QUORUM_SET: VALIDATORS: $self is this node itself, but NODE_SEED contains no seed for its key',
    ],
    [`[QUORUM_SET.a.b.c.d.e]\nVALIDATORS=["${A}"]`, 'QUORUM_SET.a.b.c.d.e: more than 4 levels of inner sets'],
    [`[QUORUM_SET]\nVALIDATORS=["${A} x", "${B} x"]`, 'two keys have the name x'],
  ])('is refused with the position of a mistake: %j', async (text, message) => {
    await expect(parseCoreConfig(text)).rejects.toThrow(new TypeError(message));
  });

  it.each([
    `NODE_SEED="${seedOf(9)} self`,
    `NODE_SEED=${seedOf(9)}`,
    `NODE_SEED=["${seedOf(9)}"]`,
    `[QUORUM_SET]\nVALIDATORS=["${seedOf(9)}"]`,
    `[QUORUM_SET]\nVALIDATORS=["${seedOf(9)} a"]`,
    `[QUORUM_SET]\nVALIDATORS=["$${seedOf(9)}"]`,
    `NODE_NAMES=["${A} ${seedOf(9)}", "${B} ${seedOf(9)}"]`,
    `[[VALIDATORS]]\nNAME="${seedOf(9)}"`,
    `[QUORUM_SET.${seedOf(9)}]\nTHRESHOLD_PERCENT=0`,
  ])('is refused without printing a seed when it has a mistake (%#)', async (text) => {
    const error = (await parseCoreConfig(text).catch((error: unknown) => error)) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(`${error.stack}`).not.toContain(seedOf(9));
  });
});
