/** The model of the page, without a browser. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checksOf } from '../../../page/model/checks.ts';
import { ancestry, keyGraph } from '../../../page/model/keys.ts';
import { fieldsOf, recordsOf } from '../../../page/model/record.ts';
import { isRefusal, replay } from '../../../page/model/replay.ts';
import { ruleOf, verdictOf } from '../../../page/model/rules.ts';
import { understand, unverifiedMacs } from '../../../page/model/story.ts';
import { suggestion, tamper, withByte, withField } from '../../../page/model/tamper.ts';
import type { Picture } from '../../../src/explain/picture.ts';
import { toHex } from '../../../src/protocol/bytes.ts';
import { pictureOf } from '../../page/support/pictures.ts';
import { transcript, transcripts, vectors } from '../../support/vectors.ts';

/** A handshake of the vectors as a picture with the secrets of both sides. */
function vectorPicture(number = 0): Picture {
  const { A, B, transcript: records, nowSeconds } = vectors.handshakes[number] as (typeof vectors.handshakes)[0];
  return {
    version: 1,
    source: 'demo',
    target: 'vectors',
    startUnixMs: Number(nowSeconds) * 1000,
    addresses: {},
    events: records.map(({ from, frameHex }, i) => ({ kind: 'record', from, ms: i, hex: frameHex, mac: 'unknown' })),
    omitted: 0,
    secrets: {
      A: { seed: A.seedHex, ecdhSecret: A.ecdhSecretHex },
      B: { seed: B.seedHex, ecdhSecret: B.ecdhSecretHex },
    },
    running: false,
  };
}

describe('a replay of a picture', () => {
  it.each(vectors.handshakes.map(({ id }, number) => [id, number] as const))(
    'has no failed check for the vectors %s',
    (_id, number) => {
      const story = understand(vectorPicture(number));
      // Some end with an ERROR_MSG of B’s, which is no check.
      expect(story.problems.filter(({ code }) => code !== 'OVERLAY_PEER_ERROR')).toEqual([]);
      expect(story.complete).toBe(true);
    },
  );

  it.each(transcripts.map(([name]) => name))('has the same errors with and without our secrets for %s', (name) => {
    const ends = [true, false].map((secrets) => {
      const story = understand(pictureOf(name, secrets));
      return (['A', 'B'] as const).map((side) => story.views[side].end?.error.code);
    });
    // Without keys, a MAC that was wrong on arrival cannot be recognised.
    if (!name.includes('unexpected-mac')) expect(ends[1]).toEqual(ends[0]);
    const { records } = transcript(name);
    const told = records.some(({ from, type }) => from === 'core' && type === 'ERROR_MSG');
    if (told) expect(ends[0]?.flat().some((code) => code !== undefined)).toBe(true);
  });

  it('verifies MACs with MAC keys only', () => {
    const { derived } = transcript('dial-core');
    const macKeys = {
      K_AB: derived?.macKeyInitiatorToAcceptorHex ?? '',
      K_BA: derived?.macKeyAcceptorToInitiatorHex ?? '',
    };
    const picture = { ...pictureOf('dial-core', false), secrets: { macKeys } };
    expect(replay(picture, 'A').end).toBeUndefined();
    const wrong = { ...picture, secrets: { macKeys: { K_AB: macKeys.K_BA, K_BA: macKeys.K_AB } } };
    expect(replay(wrong, 'A').end?.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
    expect(replay(wrong, 'B').end?.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
  });

  it('has a bad MAC where the MAC was verified as bad', () => {
    const picture = pictureOf('dial-core', false);
    const bad = picture.events.map((event, i) =>
      event.kind === 'record' && i === 3 ? { ...event, mac: 'bad' as const } : event,
    );
    expect(replay({ ...picture, events: bad }, 'A').end?.error.code).toBe('OVERLAY_UNEXPECTED_MAC');
  });
});

describe('a MAC in a picture', () => {
  const macChecks = (picture: Picture): readonly string[] => {
    const { views } = understand(picture);
    return [views.A, views.B].flatMap(({ receptions }) =>
      [...receptions.values()].flatMap(({ checks }) =>
        checks.filter(({ name }) => name === 'MAC good').map(({ state }) => state),
      ),
    );
  };
  /** Every record with the verdict of a decoder that had the keys. */
  const judged = (picture: Picture, mac: 'good' | 'bad'): Picture => ({
    ...picture,
    events: picture.events.map((event) => (event.kind === 'record' && event.mac === 'unknown' ? { ...event, mac } : event)),
  });

  it('is never shown as good if it was not verified', () => {
    const picture = pictureOf('dial-core', false);
    const story = understand(picture);
    expect(new Set(macChecks(picture))).toEqual(new Set(['unverified']));
    expect(story.macs.verified).toBe(0);
    expect(unverifiedMacs(story)).toBe('MACs not verified: no keys');
    const auth = story.records.find(({ type }) => type === 'AUTH');
    const field = fieldsOf(auth?.wire as Uint8Array).find(({ path }) => path === 'mac') as ReturnType<typeof fieldsOf>[0];
    const checks = story.views[auth?.to ?? 'A'].receptions.get(auth?.index ?? -1)?.checks ?? [];
    expect(verdictOf(ruleOf('AUTH', field), checks)).toBe('unverified');
    expect(keyGraph(picture).find(({ id }) => id === 'macA')?.what).toContain('not verified: no keys');
  });

  it('is verified by the secrets of one side, or by the verdict of the decoder', () => {
    for (const picture of [pictureOf('dial-core'), judged(pictureOf('dial-core', false), 'good')]) {
      expect(new Set(macChecks(picture))).toEqual(new Set(['ok']));
      expect(unverifiedMacs(understand(picture))).toBeUndefined();
      expect(keyGraph(picture).find(({ id }) => id === 'macA')?.what).not.toContain('The received one');
    }
  });

  it('is shown as bad everywhere, with and without keys, if it is bad', () => {
    const flipped = (picture: Picture): Picture => ({
      ...picture,
      events: picture.events.map((event, i) =>
        event.kind === 'record' && i === 3
          ? { ...event, hex: event.hex.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) }
          : event,
      ),
    });
    const judgedBad = (picture: Picture): Picture => ({
      ...picture,
      events: picture.events.map((event, i) => (event.kind === 'record' && i === 3 ? { ...event, mac: 'bad' as const } : event)),
    });
    for (const picture of [flipped(pictureOf('dial-core')), judgedBad(judged(pictureOf('dial-core', false), 'good'))]) {
      const story = understand(picture);
      expect(story.complete).toBe(false);
      expect(story.problems.map(({ check }) => check?.name)).toEqual(['MAC good']);
      // In the recording our side continued, so it did not refuse the record.
      expect(story.problems[0]?.sentence).toContain('A node that follows the protocol refuses the AUTH of B');
      expect(keyGraph(picture).find(({ id }) => id === 'macB')?.what).toContain('The received one is bad');
    }
  });

  it('is counted if it was not verified', () => {
    const picture = pictureOf('dial-core', false);
    const some = picture.events.map((event, i) =>
      event.kind === 'record' && i === 2 ? { ...event, mac: 'good' as const } : event,
    );
    const story = understand({ ...picture, events: some });
    expect(unverifiedMacs(story)).toBe(`${story.macs.unverified} of ${story.macs.unverified + 1} MACs not verified: no keys`);
  });
});

describe('the key graph', () => {
  it('contains the values of the vectors', () => {
    const { A, B, keySchedule, transcript: records } = vectors.handshakes[0];
    const values = Object.fromEntries(keyGraph(vectorPicture()).map(({ id, value }) => [id, value]));
    const macs = records.filter(({ message }) => message === 'AUTH').map(({ macHex }) => macHex);
    expect(values).toMatchObject({
      seedA: A.seedHex,
      identityA: A.publicKeyHex,
      pubB: B.ecdhPublicHex,
      payloadA: A.cert.signedPayloadHex,
      digestB: B.cert.payloadSha256Hex,
      sigA: A.cert.signatureHex,
      q: keySchedule.sharedSecretHex,
      shared: keySchedule.sharedKeyHex,
      K_AB: keySchedule.macKeyABHex,
      K_BA: keySchedule.macKeyBAHex,
      macA: macs[0],
      macB: macs[1],
    });
    expect(Object.values(values).every((value) => value !== undefined)).toBe(true);
  });

  it('has formulas whose inputs are the bytes of the vectors', () => {
    const { keySchedule } = vectors.handshakes[0];
    const nodes = keyGraph(vectorPicture());
    const input = (id: string, from = 0): string =>
      nodes
        .find((node) => node.id === id)
        ?.inputs.slice(from)
        .map(({ value }) => value)
        .join('') ?? '';
    expect(input('shared', 1)).toBe(keySchedule.hkdfExtractInputHex);
    expect(input('K_AB', 1)).toBe(keySchedule.expandInputABHex);
    expect(input('K_BA', 1)).toBe(keySchedule.expandInputBAHex);
    expect(input('payloadA')).toBe(vectors.handshakes[0].A.cert.signedPayloadHex);
  });

  it('leads from a MAC back to the random values', () => {
    const nodes = keyGraph(vectorPicture());
    const roots = [...ancestry(nodes, 'macB')].filter((id) => nodes.find((node) => node.id === id)?.formula === undefined);
    expect(roots.sort()).toEqual(['nonceA', 'nonceB', 'secretA', 'secretB']);
  });
});

describe('the fields of a record', () => {
  it('cover every byte of every recorded record once', () => {
    for (const [name, { records }] of transcripts) {
      const shown = recordsOf(pictureOf(name));
      expect(shown).toHaveLength(records.length);
      for (const { wire } of shown) {
        let at = 0;
        for (const field of fieldsOf(wire)) {
          if (field.at !== at) expect(field, `the field at ${at}`).toHaveProperty('at', at);
          at += field.length;
        }
        expect(at).toBe(wire.length);
      }
    }
  });

  it('have rules with existing sections of docs/protocol.md and existing checks', () => {
    const doc = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
    const headings = new Set(Array.from(doc.matchAll(/^##+ (.+)$/gm), ([, heading]) => heading));
    const missing: string[] = [];
    for (const [name] of transcripts)
      for (const { wire, type } of recordsOf(pictureOf(name))) {
        const made = checksOf({ type, isMaced: true, isFirstHello: false, isMacVerified: true, steps: [], error: undefined });
        const names = new Set(made.map(({ name: each }) => each));
        for (const field of fieldsOf(wire)) {
          const { section, checks } = ruleOf(type, field);
          if (!headings.has(section)) missing.push(`${name}, ${type}, ${field.path}: section ${section}`);
          for (const check of checks) if (!names.has(check)) missing.push(`${name}, ${type}, ${field.path}: check ${check}`);
        }
      }
    expect(missing).toEqual([]);
  });
});

describe('a change on the page', () => {
  it('is noticed at any byte of a record with a MAC', () => {
    const story = understand(vectorPicture());
    const withMac = story.records.filter(({ type }) => type === 'AUTH');
    expect(withMac).toHaveLength(2);
    for (const record of withMac)
      for (let at = 4; at < record.wire.length; at++) {
        const { after } = tamper(story, record, withByte(record.wire, at, (record.wire[at] as number) ^ 0x10));
        expect(isRefusal(after.end?.error)).toBe(true);
      }
  });

  it('updates length, padding and header when a text gets another length', () => {
    const [record] = recordsOf(vectorPicture());
    const wire = record?.wire as Uint8Array;
    const field = fieldsOf(wire).find(({ path }) => path === 'versionStr');
    const changed = withField(wire, field as NonNullable<typeof field>, 'ä');
    expect(fieldsOf(changed).find(({ path }) => path === 'versionStr')?.value).toBe('ä');
    expect(fieldsOf(changed).find(({ path }) => path === 'record header')?.value).toBe(
      `last fragment, ${changed.length - 4} bytes follow`,
    );
    const back = withField(
      changed,
      fieldsOf(changed).find(({ path }) => path === 'versionStr') as typeof field & object,
      field?.value ?? '',
    );
    expect(toHex(back)).toBe(toHex(wire));
  });

  it('has a suggestion that is another valid value', () => {
    const records = recordsOf(vectorPicture());
    expect(new Set(records.map(({ type }) => type))).toContain('AUTH');
    for (const { wire } of records)
      for (const field of fieldsOf(wire)) expect(toHex(withField(wire, field, suggestion(field, wire)))).not.toBe(toHex(wire));
  });
});
