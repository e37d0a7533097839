/**
 * From the steps and bytes of our own connection to a picture, complete or in progress.
 * @module
 */
import { nodeCrypto } from '../crypto/node.ts';
import type { Timings } from '../net/connection-info.ts';
import { toHex } from '../protocol/bytes.ts';
import { MAC_BYTES, RECORD_HEADER_BYTES, SEQUENCE_OFFSET } from '../protocol/constants.ts';
import type { OverlayError } from '../protocol/errors.ts';
import type { HandshakeStep } from '../protocol/handshake/steps.ts';
import { roundMs } from '../report/json.ts';
import type { HandshakeWatcher } from './explain.ts';
import type { MacVerdict, Picture, PictureEvent, PictureSecrets, Side, SideSecrets } from './picture.ts';
import { MAX_SHOWN_BYTES, RecordCutter, STRAY_BYTES } from './record-cutter.ts';
import { recordType } from './text.ts';

/** What is known of a connection before it begins. */
export type PictureFrame = Pick<Picture, 'source' | 'target' | 'own' | 'network' | 'expectedPeerID'>;

/** Maximum number of events in a picture, so that the page stays readable. */
const MAX_EVENTS = 500;

/** A record or other bytes that were seen, kept as bytes. */
interface Seen {
  readonly from: Side;
  readonly ms: number;
  readonly bytes: Uint8Array;
  /** For bytes that are no record: their total number. */
  readonly strayBytes?: number;
}

/** Watches a handshake. It keeps secrets to verify MACs; the picture contains them only when it is configured to show them. */
export class PictureMaker implements HandshakeWatcher {
  readonly #frame: PictureFrame;
  readonly #showSecrets: boolean;
  readonly #onChange: () => void;
  readonly #monotonicMs: () => number;
  readonly #startMs: number;
  readonly #startUnixMs: number;
  #streams = { A: new RecordCutter(), B: new RecordCutter() };
  /** Note shown before all events. */
  #note: string | undefined;
  readonly #seen: Seen[] = [];
  readonly #secrets: { A?: SideSecrets; B?: SideSecrets } = {};
  #macKeys: { readonly K_AB: Uint8Array; readonly K_BA: Uint8Array } | undefined;
  #bytes = 0;
  #omitted = 0;
  #failedMs: number | undefined;
  #end: Pick<Picture, 'timings' | 'error' | 'foundNetworkID'> | undefined;

  /**
   * @param unixMs now, in milliseconds since 1970
   * @param monotonicMs a clock that is never adjusted
   * @param onChange is called when the picture has changed
   */
  constructor(
    frame: PictureFrame,
    showSecrets: boolean,
    unixMs: number,
    monotonicMs: () => number,
    onChange: () => void = () => {},
  ) {
    this.#frame = frame;
    this.#showSecrets = showSecrets;
    this.#onChange = onChange;
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#startUnixMs = unixMs;
  }

  step(side: Side, step: HandshakeStep): void {
    if (step.step === 'keys' && step.secrets !== undefined) {
      const { seed, ecdhSecret } = step.secrets;
      this.#secrets[side] = { seed: toHex(seed), ecdhSecret: toHex(ecdhSecret) };
    }
    if (step.step === 'mac-keys' && step.secrets !== undefined) this.#macKeys = step.secrets;
    this.#onChange();
  }

  bytes(from: Side, bytes: Uint8Array): void {
    const ms = this.#elapsedMs();
    for (const record of this.#streams[from].push(bytes)) this.#keep({ from, ms, bytes: record });
    this.#onChange();
  }

  failed(): void {
    this.#failedMs = this.#elapsedMs();
  }

  again(text: string): void {
    this.#note = text;
    this.#streams = { A: new RecordCutter(), B: new RecordCutter() };
    this.#seen.length = 0;
    this.#bytes = 0;
    this.#omitted = 0;
    this.#macKeys = undefined;
    this.#failedMs = undefined;
  }

  /** The connection is over. @param error the reason, when it ended early */
  end(timings: Partial<Timings> | undefined, error: OverlayError | undefined): void {
    const ms = this.#failedMs ?? this.#elapsedMs();
    for (const from of ['A', 'B'] as const) {
      const { bytes, length } = this.#streams[from].rest;
      if (length > 0) this.#keep({ from, ms, bytes: bytes.slice(0, STRAY_BYTES), strayBytes: length });
    }
    this.#end = {
      ...(timings && { timings: roundMs({ ...timings }) }),
      ...(error && { error: { ...error.toJSON(), told: error.told, ms } }),
      ...(error?.code === 'OVERLAY_OTHER_NETWORK' && error.remote && { foundNetworkID: error.remote.networkID }),
    };
    this.#onChange();
  }

  /** The picture so far. */
  get picture(): Picture {
    const secrets: PictureSecrets = this.#showSecrets
      ? {
          ...this.#secrets,
          ...(this.#macKeys && { macKeys: { K_AB: toHex(this.#macKeys.K_AB), K_BA: toHex(this.#macKeys.K_BA) } }),
        }
      : {};
    return {
      version: 1,
      ...this.#frame,
      startUnixMs: this.#startUnixMs,
      addresses: this.#frame.source === 'live' ? { B: this.#frame.target } : {},
      events: this.#events(),
      omitted: this.#omitted + this.#streams.A.omitted + this.#streams.B.omitted,
      secrets,
      ...this.#end,
      running: this.#end === undefined,
    };
  }

  #elapsedMs(): number {
    return Math.round((this.#monotonicMs() - this.#startMs) * 1000) / 1000;
  }

  #keep(seen: Seen): void {
    if (this.#seen.length >= MAX_EVENTS || this.#bytes + seen.bytes.length > MAX_SHOWN_BYTES) {
      this.#omitted++;
      return;
    }
    this.#bytes += seen.bytes.length;
    this.#seen.push(seen);
  }

  /** Subtle: MACs are verified here, because the bytes are seen before the handshake has derived their keys. */
  #events(): readonly PictureEvent[] {
    const said = new Set<Side>();
    const note: PictureEvent[] = this.#note === undefined ? [] : [{ kind: 'note', ms: 0, text: this.#note, isFault: false }];
    const events = this.#seen.map(({ from, ms, bytes, strayBytes }): PictureEvent => {
      if (strayBytes !== undefined) return { kind: 'stray', from, ms, hex: toHex(bytes), length: strayBytes };
      const body = bytes.subarray(RECORD_HEADER_BYTES);
      const type = recordType(body);
      const isPlain = type === 'ERROR_MSG' || (type === 'HELLO' && !said.has(from));
      if (type === 'HELLO') said.add(from);
      return { kind: 'record', from, ms, hex: toHex(bytes), mac: isPlain ? 'none' : this.#judge(from, body) };
    });
    return [...note, ...events];
  }

  #judge(from: Side, body: Uint8Array): MacVerdict {
    if (this.#macKeys === undefined || body.length < SEQUENCE_OFFSET + MAC_BYTES) return 'unknown';
    const key = nodeCrypto.macKey(from === 'A' ? this.#macKeys.K_AB : this.#macKeys.K_BA);
    return key.verify(body, SEQUENCE_OFFSET, body.length - MAC_BYTES) ? 'good' : 'bad';
  }
}
