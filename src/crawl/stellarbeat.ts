/**
 * The nodes of a crawl in the form of stellarbeat's node JSON, which other tools of the network read.
 * @module
 */
import { fromHex } from '../protocol/bytes.ts';
import { printableJson } from '../protocol/printable.ts';
import type { SCPQuorumSet } from '../protocol/wire/messages.ts';
import { readAddress } from './address-book.ts';
import type { CrawlResult } from './result.ts';

interface StellarbeatQuorumSet {
  readonly threshold: number;
  readonly validators: readonly string[];
  readonly innerQuorumSets: readonly StellarbeatQuorumSet[];
}

/** The document: one object for each key that was proved or heard. Addresses without a key are left out. */
export function stellarbeatJson(result: CrawlResult): string {
  const { start, end, validators } = result;
  const date = start?.startedAt ?? '';
  // Of several addresses with one key, the first that accepts us.
  const lines = [...result.nodes.values()].filter(({ peerID }) => peerID !== undefined);
  const places = new Map(lines.toReversed().map((line) => [line.peerID as string, line]));
  for (const line of lines.toReversed()) if (line.outcome === 'ok') places.set(line.peerID as string, line);
  const keys = new Set([...places.keys(), ...validators.keys()]);
  const nodes = [...keys].map((publicKey) => {
    const line = places.get(publicKey);
    const target = line && readAddress(line.address);
    const validator = validators.get(publicKey);
    const quorumSet = result.quorumSetOf(publicKey);
    const hash = validator?.quorumSetHash;
    const overLoaded = line?.outcome === 'peer-full';
    return {
      publicKey,
      ip: target?.host ?? null,
      port: target?.port ?? null,
      host: null,
      ledgerVersion: line?.remote?.ledgerVersion ?? null,
      overlayVersion: line?.remote?.overlayVersion ?? null,
      overlayMinVersion: line?.remote?.overlayMinVersion ?? null,
      versionStr: line?.remote?.versionStr ?? null,
      networkId: start?.networkID ?? null,
      active: line?.outcome === 'ok' || overLoaded,
      activeInScp: validator !== undefined && validator.state !== 'missing',
      overLoaded,
      isValidating: validator?.validating ?? false,
      isValidator: validator !== undefined,
      quorumSet: quorumSet === undefined ? null : stellarbeatQuorumSet(quorumSet),
      quorumSetHashKey: hash === undefined ? null : Buffer.from(fromHex(hash)).toString('base64'),
      connectivityError: line === undefined || !(line.outcome === 'ok' || overLoaded),
      lag:
        end?.ledgerSeq !== undefined && validator?.ledgerSeq !== undefined
          ? Math.max(0, end.ledgerSeq - validator.ledgerSeq)
          : null,
      dateDiscovered: date,
      dateUpdated: line?.at ?? date,
    };
  });
  return `${printableJson(nodes, 2)}\n`;
}

function stellarbeatQuorumSet({ threshold, validators, innerSets }: SCPQuorumSet): StellarbeatQuorumSet {
  return { threshold, validators, innerQuorumSets: innerSets.map(stellarbeatQuorumSet) };
}
