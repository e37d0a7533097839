/**
 * A part of an application: which ledger is the network at? `ledger-monitor.test.ts` shows how such code is tested.
 * Outside this repository the import is `from 'stellar-handshake'`.
 */
import { type Clock, type Connection, OverlayError, type PeerAddress } from '../src/index.ts';

/** What was found out. */
export type LedgerReport =
  | { readonly ledger: bigint }
  /** The node is alive but has no slot for us; these others might. */
  | { readonly tryOthers: readonly string[] }
  | { readonly failed: string };

/** Asks a node for the newest ledger it has heard of, and gives up after ten seconds. */
export async function currentLedger(connecting: Promise<Connection>, clock: Clock): Promise<LedgerReport> {
  let others: readonly PeerAddress[] = [];
  try {
    await using connection = await connecting;
    const timer = clock.setTimer(() => void connection.close(), 10_000);
    try {
      for await (const message of connection) {
        if (message.type === 'SCP_MESSAGE') return { ledger: message.envelope.statement.slotIndex };
        if (message.type === 'PEERS') others = message.peers;
      }
      return { failed: 'it says nothing of any ledger' };
    } finally {
      timer.cancel();
    }
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    // A full node lets us in, tells of others and refuses, all at once or one after the other.
    const { peers = others } = error;
    if (peers.length > 0) return { tryOthers: peers.map(({ ip, port }) => `${ip} ${port}`) };
    return { failed: `${error.causeName}: ${error.advice}` };
  }
}
