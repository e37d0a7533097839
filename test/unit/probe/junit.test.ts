import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OverlayError } from '../../../src/index.ts';
import { parseTarget } from '../../../src/net/target.ts';
import { junitXml } from '../../../src/probe/junit.ts';
import type { ProbeResult } from '../../../src/probe/probe.ts';
import { TargetTally } from '../../../src/probe/tally.ts';
import { character } from '../../property/arbitraries.ts';
import { xmlElements } from '../../support/xml.ts';

const BASE = { target: 'a.example:11625', at: '2026-11-24T07:30:05.123Z', role: 'WE_CALLED_REMOTE' } as const;
const GOOD: ProbeResult = { ...BASE, ok: true, timings: { dnsMs: 0, tcpMs: 0, helloMs: 0, authMs: 0, totalMs: 2 } };

function refused(message: string): ProbeResult {
  const error = new OverlayError('OVERLAY_PEER_ERROR', { stage: 'auth', message });
  return { ...BASE, ok: false, error: error.toJSON() };
}

function elementsOf(...tallies: TargetTally[]): ReturnType<typeof xmlElements> {
  return xmlElements(junitXml(tallies, 1_767_225_600.5));
}

describe('the JUnit XML of probe', () => {
  it('has a suite for each target, with a case for the handshake and for each rule', () => {
    const a = new TargetTally(parseTarget('a.example'), ['network', 'maxPingMs', 'maxTotalMs']);
    a.add(
      GOOD,
      [
        { rule: 'network', ok: true, detail: 'pubnet' },
        { rule: 'maxPingMs', ok: false, detail: 'the ping took 5 ms, at most 1 ms wanted' },
        { rule: 'maxTotalMs', ok: null, detail: 'unknown' },
      ],
      1_500,
    );
    const b = new TargetTally(parseTarget('[2001:db8::1]:1'), []);
    b.add(refused('no'), [], 250);
    const elements = elementsOf(a, b);
    const all = { tests: '5', failures: '2', errors: '0', time: '1.750' };
    expect(elements[0]).toMatchObject({ name: 'testsuites', attributes: { name: 'stellar-handshake probe', ...all } });
    expect(elements.filter(({ name }) => name === 'testsuite').map(({ attributes }) => attributes)).toEqual([
      {
        name: 'a.example:11625',
        timestamp: '2026-01-01T00:00:00',
        tests: '4',
        failures: '1',
        errors: '0',
        skipped: '1',
        time: '1.500',
      },
      {
        name: '[2001:db8::1]:1',
        timestamp: '2026-01-01T00:00:00',
        tests: '1',
        failures: '1',
        errors: '0',
        skipped: '0',
        time: '0.250',
      },
    ]);
    const classNames = elements.filter(({ name }) => name === 'testcase').map(({ attributes }) => attributes.classname);
    expect([...new Set(classNames)]).toEqual(['a_example:11625', '[2001:db8::1]:1']);
    expect(elements.filter(({ name }) => name === 'testcase').map(({ attributes }) => attributes.name)).toEqual([
      'handshake',
      'network',
      'maxPingMs',
      'maxTotalMs',
      'handshake',
    ]);
    expect(elements.filter(({ name }) => name === 'failure').map(({ attributes }) => attributes)).toEqual([
      { type: 'maxPingMs', message: 'the ping took 5 ms, at most 1 ms wanted' },
      { type: 'OVERLAY_PEER_ERROR', message: 'no' },
    ]);
  });

  it('names the number of failed probes', () => {
    const tally = new TargetTally(parseTarget('a.example'), []);
    for (const result of [GOOD, refused('busy'), GOOD, refused('later')]) tally.add(result, [], 1);
    expect(elementsOf(tally).find(({ name }) => name === 'failure')?.attributes.message).toBe('2 of 4 probes: busy');
  });

  it('marks targets without a probe as skipped', () => {
    const elements = elementsOf(new TargetTally(parseTarget('a.example'), ['network']));
    expect(elements[1]?.attributes).toMatchObject({ tests: '2', failures: '0', skipped: '2' });
    expect(elements.filter(({ name }) => name === 'skipped')).toHaveLength(2);
  });

  it('contains text of peers without characters that XML forbids or that are invisible', () => {
    const tally = new TargetTally(parseTarget('a.example'), []);
    tally.add(refused('</failure><x y="1\' & \u0000\u001b[31m\u202e\u0085\ufffe]]>\ud800é\n😀'), [], 1);
    const xml = junitXml([tally], 0);
    expect(xml).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\ufffe\uffff]/u);
    const failure = xmlElements(xml).find(({ name }) => name === 'failure');
    expect(failure?.attributes.message).toBe('</failure><x y="1\' & ··[31m···]]>·é 😀');
  });

  it('is well-formed for any text of peers', () => {
    fc.assert(
      fc.property(fc.string({ unit: character }), fc.string({ unit: 'grapheme-composite' }), (message, detail) => {
        const tally = new TargetTally(parseTarget('a.example'), []);
        tally.add(refused(message), [{ rule: 'network', ok: false, detail }], 1);
        expect(elementsOf(tally)).toHaveLength(6);
      }),
    );
  });
});
