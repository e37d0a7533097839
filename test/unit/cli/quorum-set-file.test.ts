import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseQuorumSetFile, readQuorumSetFile } from '../../../src/cli/quorum-set-file.ts';
import { NodeIdentity } from '../../../src/net/identity.ts';
import { encodePublicKey, encodeSecretSeed } from '../../../src/protocol/strkey.ts';
import type { SCPQuorumSet } from '../../../src/protocol/wire/messages.ts';

/** The n-th key, in order of bytes. */
const key = (n: number): string => encodePublicKey(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? n : 0)));
const keys = (...numbers: number[]): string[] => numbers.map(key);
const set = (threshold: number, validators: string[], ...innerSets: SCPQuorumSet[]): SCPQuorumSet => ({
  threshold,
  validators,
  innerSets,
});

const domain = (name: string, quality: string): string => `[[HOME_DOMAINS]]\nHOME_DOMAIN="${name}"\nQUALITY="${quality}"\n`;
const validator = (n: number, homeDomain: string, quality?: string): string =>
  `[[VALIDATORS]]\nNAME="v${n}"\nPUBLIC_KEY="${key(n)}"\nHOME_DOMAIN="${homeDomain}"\n` +
  (quality === undefined ? '' : `QUALITY="${quality}"\n`);
const org = (homeDomain: string, ...numbers: number[]): string => numbers.map((n) => validator(n, homeDomain)).join('');

describe('a quorum set file', () => {
  it('is read from JSON, with either name of inner sets', async () => {
    const expected = set(2, keys(1, 2), set(1, keys(3)));
    const inner = [{ threshold: 1, validators: keys(3) }];
    expect(await parseQuorumSetFile(JSON.stringify(expected))).toEqual(expected);
    expect(
      await parseQuorumSetFile(`\ufeff\n ${JSON.stringify({ threshold: 2, validators: keys(1, 2), innerQuorumSets: inner })}`),
    ).toEqual(expected);
  });

  it('is read from the [QUORUM_SET] of a stellar-core.cfg, with percentages rounded up', async () => {
    const text = `
[QUORUM_SET]
THRESHOLD_PERCENT=51
VALIDATORS=["${key(1)} one", "$two", "${key(3)}"]
[QUORUM_SET.inner]
VALIDATORS=["${key(2)} two2", "${key(4)}", "${key(5)}"]
`;
    // 51 % of 4 are 3, 67 % of 3 are 3: 2.01 rounded up.
    const two = text.replace('two2', 'two').replace('"$two"', `"${key(6)}"`);
    expect(await parseQuorumSetFile(two)).toEqual(set(3, keys(1, 6, 3), set(3, keys(2, 4, 5))));
  });

  it('is generated from organisations of one quality, as stellar-core does', async () => {
    const text = domain('b.org', 'HIGH') + domain('a.org', 'HIGH') + org('b.org', 4, 5, 6) + org('a.org', 3, 2, 1);
    expect(await parseQuorumSetFile(text)).toEqual(set(2, [], set(2, keys(1, 2, 3)), set(2, keys(4, 5, 6))));
  });

  it('is generated with lower qualities as one member of the level above', async () => {
    const text =
      domain('low.org', 'LOW') +
      domain('mid.org', 'MEDIUM') +
      ['a', 'b', 'c', 'd'].map((name) => domain(`${name}.org`, 'HIGH')).join('') +
      org('low.org', 1, 2) +
      org('mid.org', 3) +
      ['a', 'b', 'c', 'd'].map((name, i) => org(`${name}.org`, 10 + 3 * i, 11 + 3 * i, 12 + 3 * i)).join('');
    // Four domains and the level below: 5 - (5 - 1) / 3 = 4. Medium: the one validator and the low ones, 2 of 2.
    expect(await parseQuorumSetFile(text)).toEqual(
      set(
        4,
        [],
        set(2, keys(3), set(2, keys(1, 2))),
        set(2, keys(10, 11, 12)),
        set(2, keys(13, 14, 15)),
        set(2, keys(16, 17, 18)),
        set(2, keys(19, 20, 21)),
      ),
    );
  });

  it('is generated with every critical organisation required', async () => {
    const text =
      domain('crit.org', 'CRITICAL') + domain('a.org', 'HIGH') + org('crit.org', 1, 2, 3) + org('a.org', 4, 5, 6, 7, 8);
    expect(await parseQuorumSetFile(text)).toEqual(set(2, [], set(2, keys(1, 2, 3)), set(3, keys(4, 5, 6, 7, 8))));
  });

  it('is generated with the node itself if it is a validator', async () => {
    const seed = encodeSecretSeed(new Uint8Array(32).fill(9));
    const text = `NODE_SEED="${seed} me"\nNODE_IS_VALIDATOR=true\nNODE_HOME_DOMAIN="a.org"\n${domain('a.org', 'MEDIUM')}${org('a.org', 1, 2)}`;
    const { peerID } = NodeIdentity.fromSecretSeed(seed);
    const quorumSet = await parseQuorumSetFile(text);
    expect(quorumSet.threshold).toBe(2);
    expect(new Set(quorumSet.validators)).toEqual(new Set([...keys(1, 2), peerID]));
    await expect(parseQuorumSetFile(text.replace('NODE_HOME_DOMAIN="a.org"', ''))).rejects.toThrow('NODE_HOME_DOMAIN');
    await expect(parseQuorumSetFile(text.replace(/NODE_SEED=.*\n/, ''))).rejects.toThrow('NODE_SEED');
  });

  it.each<[string, string, string]>([
    ['two validators of high quality', domain('a.org', 'HIGH') + org('a.org', 1, 2), 'fewer than 3'],
    ['two qualities in one organisation', validator(1, 'a.org', 'MEDIUM') + validator(2, 'a.org', 'LOW'), 'two qualities'],
    ['no validator', 'PEER_PORT=11625\n', 'neither a [QUORUM_SET] nor [[VALIDATORS]]'],
    ['a node twice', `[QUORUM_SET]\nVALIDATORS=["${key(1)}", "${key(1)}"]`, 'twice'],
    ['incomplete JSON', '{"threshold": 1, "validators": [', 'not JSON'],
    ['JSON without a quorum set', '{"a": 1}', 'quorumSet.threshold'],
    ['neither JSON nor TOML', 'hello there', 'line 1'],
  ])('is refused when it has %s', async (_name, text, problem) => {
    await expect(parseQuorumSetFile(text)).rejects.toThrow(problem);
  });

  describe('with wrong contents', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'quorum-set-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('is named in the error, and a seed in it is not printed', async () => {
      const file = join(folder, 'seed.json');
      const seed = encodeSecretSeed(new Uint8Array(32).fill(9));
      await writeFile(file, `{"threshold": ${seed}`);
      const error = await readQuorumSetFile(file).catch((e: Error) => e);
      expect(error).toMatchObject({ name: 'UsageError', message: expect.stringContaining(`--quorum-set ${file}: not JSON`) });
      expect((error as Error).message).not.toContain(seed.slice(0, 8));
      await expect(readQuorumSetFile(join(folder, 'missing'))).rejects.toThrow('ENOENT');
    });
  });
});
