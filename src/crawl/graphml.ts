/**
 * Which node names which, as GraphML with typed attributes: for Gephi, NetworkX, igraph and others.
 * @module
 */
import { xmlText } from '../report/junit.ts';
import type { NodeLine } from './events.ts';
import { namesIn } from './names.ts';
import type { CrawlResult } from './result.ts';
import type { ValidatorLine } from './validator-line.ts';

type Value = string | number | boolean | undefined;
type AttributeType = 'string' | 'int' | 'double' | 'boolean' | 'long';

/** Attributes of a node, in the order in which they are written. */
const ATTRIBUTES: Readonly<
  Record<
    string,
    readonly [type: AttributeType, of: (line: NodeLine, validator: ValidatorLine | undefined, namedBy: number) => Value]
  >
> = {
  address: ['string', ({ address }) => address],
  outcome: ['string', ({ outcome }) => outcome],
  peerID: ['string', ({ peerID }) => peerID],
  versionStr: ['string', ({ remote }) => remote?.versionStr],
  overlayVersion: ['long', ({ remote }) => remote?.overlayVersion],
  overlayMinVersion: ['long', ({ remote }) => remote?.overlayMinVersion],
  ledgerVersion: ['long', ({ remote }) => remote?.ledgerVersion],
  handshakeMs: ['double', ({ timings }) => timings?.totalMs],
  names: ['int', ({ peers }) => peers?.length ?? 0],
  namedBy: ['int', (_line, _validator, namedBy) => namedBy],
  validator: ['string', (_line, validator) => validator?.state],
  validating: ['boolean', (_line, validator) => validator?.validating],
  weighed: ['boolean', (_line, validator) => validator?.weighed],
  ledgerSeq: ['long', (_line, validator) => validator?.ledgerSeq],
  at: ['string', ({ at }) => at],
};

/** The graph as a GraphML document. An edge goes from a node to an address that it names. It does not mean a connection. */
export function graphml(result: CrawlResult): string {
  const { nodes, namedBy } = namesIn(result);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...Object.entries(ATTRIBUTES).map(
      ([name, [type]]) => `  <key id="${name}" for="node" attr.name="${name}" attr.type="${type}"/>`,
    ),
    '  <graph id="names" edgedefault="directed">',
  ];
  for (const { line } of nodes) {
    const validator = line.peerID === undefined ? undefined : result.validators.get(line.peerID);
    lines.push(`    <node id="${xmlText(line.address)}">`);
    for (const [name, [, of]] of Object.entries(ATTRIBUTES)) {
      const value = of(line, validator, namedBy.get(line.address) ?? 0);
      if (value !== undefined) lines.push(`      <data key="${name}">${xmlText(String(value))}</data>`);
    }
    lines.push('    </node>');
  }
  for (const { line, names } of nodes)
    for (const name of names) lines.push(`    <edge source="${xmlText(line.address)}" target="${xmlText(name)}"/>`);
  lines.push('  </graph>', '</graphml>', '');
  return lines.join('\n');
}
