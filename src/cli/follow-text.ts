/**
 * Output of `follow` and `submit` as text for people.
 * @module
 */
import type { FollowEvent, FollowStatus, Ledger } from '../follow/index.ts';
import { summarizeTxSet } from '../follow/transactions.ts';
import { formatMs, type Output } from './output.ts';

/** The largest number of kinds of operations named in a line. */
const SHOWN_KINDS = 4;
/** The largest number of missing nodes named in a line. */
const SHOWN_NODES = 8;

/** A ledger in a line. */
export async function ledgerLine(ledger: Ledger, nodes: number, { style }: Output): Promise<string> {
  const summary = await summarizeTxSet(ledger.txSet);
  const what = summary === undefined ? `a set of ${ledger.txSet.length} bytes` : contents(summary);
  const upgrades = ledger.upgrades.length === 0 ? '' : `, ${count(ledger.upgrades.length, 'upgrade')}`;
  const agreed = `${ledger.statements.length} of ${nodes} signed in ${formatMs(ledger.quorumMs)}`;
  const seq = style('bold', String(ledger.ledgerSeq).padStart(8));
  return `${style('green', '✓')} ${seq}  ${timeOf(ledger.closeTime)}  ${what}${upgrades}  ${style('dim', agreed)}`;
}

function contents({ transactions, operations }: { transactions: number; operations: Readonly<Record<string, number>> }): string {
  if (transactions === 0) return 'no transactions';
  const kinds = Object.entries(operations);
  const sum = kinds.reduce((total, [, number]) => total + number, 0);
  const shown = kinds.slice(0, SHOWN_KINDS).map(([kind, number]) => `${kind} ${number}`);
  const more = kinds.length > SHOWN_KINDS ? `, ${kinds.length - SHOWN_KINDS} more kinds` : '';
  return `${count(transactions, 'transaction')}, ${count(sum, 'operation')} (${shown.join(', ')}${more})`;
}

/** An event other than a ledger, in one or two lines. */
export function eventLines(event: FollowEvent, { style }: Output): readonly string[] {
  const mark = style('yellow', '!');
  switch (event.type) {
    case 'gap': {
      const { from, to } = event;
      const which = from === to ? `ledger ${from}` : `ledgers ${from} to ${to}`;
      return [`${mark} gap: no peer could send ${which}, or a check failed`];
    }
    case 'alarm': {
      const what = {
        equivocation: 'one node has signed two values',
        fork: 'two values each have a quorum: neither is printed',
        chain: 'it names the same predecessor as an earlier ledger',
      }[event.kind];
      const evidence = `  evidence: ${event.evidence.length} values, with --json as base64 XDR`;
      return [`${style(['red', 'bold'], `✗ ALARM: ${event.kind}`)} in ledger ${event.ledgerSeq}: ${what}`, evidence];
    }
    case 'unmet': {
      const { missing, since } = event;
      const shown = missing.slice(0, SHOWN_NODES).join(' ');
      const more = missing.length > SHOWN_NODES ? ` and ${missing.length - SHOWN_NODES} more` : '';
      const who = missing.length === 0 ? 'all have closed it, with different values' : `missing ${shown}${more}`;
      return [`${mark} the quorum set has not been met since ${since}: ${who}`];
    }
    case 'unavailable':
      return [
        `${mark} ledger ${event.ledgerSeq} has had a quorum since ${event.since}, but no peer sends its transaction set ${event.txSetHash}`,
      ];
    case 'refused': {
      const { message, count: times, address } = event;
      return [
        `${mark} refused${times > 1 ? ` (${times} times)` : ''}: ${message}${address === undefined ? '' : ` From ${address}.`}`,
      ];
    }
    case 'peer': {
      const { address, peerID, versionStr, error } = event;
      if (error === undefined) return [style('dim', `· ${address} is connected: ${peerID} (${versionStr})`)];
      return [style('dim', `· ${address}: ${error.message}`)];
    }
  }
}

/** The status, for the live line. */
export function statusText({ ledgerSeq, closeTime, peers, missing, met }: FollowStatus, nodes: number, nowMs: number): string {
  const ledger =
    ledgerSeq === undefined || closeTime === undefined
      ? 'no ledger yet'
      : `ledger ${ledgerSeq}, ${Math.max(0, Math.round(nowMs / 1000 - closeTime))} s ago`;
  const heard = `${nodes - missing.length} of ${nodes} validators`;
  const quorum = ledgerSeq === undefined ? [] : [met ? 'quorum met' : 'QUORUM NOT MET'];
  return [ledger, ...quorum, heard, count(peers, 'peer')].join(' │ ');
}

function timeOf(unixSeconds: number): string {
  return `${new Date(unixSeconds * 1000).toISOString().slice(0, 19)}Z`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
