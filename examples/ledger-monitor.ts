/**
 * A part of an application: it finds the latest ledger of the network. `ledger-monitor.test.ts` shows how to test such code.
 * Outside this repository the import is `from 'stellar-handshake'`.
 */
import { type Clock, type Connection, OverlayError, type PeerAddress } from '../src/index.ts';

/** The result. */
export type LedgerReport =
  | { readonly ledger: bigint }
  /** The node runs but has no free slot; these other nodes may have one. */
  | { readonly tryOthers: readonly string[] }
  | { readonly failed: string };

/** Asks a node for the newest ledger it knows, and gives up after ten seconds. */
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
    // A full node completes the handshake, sends PEERS and refuses: in one read or in several.
    const { peers = others } = error;
    if (peers.length > 0) return { tryOthers: peers.map(({ ip, port }) => `${ip} ${port}`) };
    return { failed: `${error.causeName}: ${error.advice}` };
  }
}
