/**
 * The bytes of a record, each in its field.
 * @module
 */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Field } from '../model/record.ts';

/** The bytes, the highlighted field, and what is called on a choice. */
export interface HexViewProps {
  readonly label: string;
  readonly wire: Uint8Array;
  readonly fields: readonly Field[];
  readonly active: string | undefined;
  readonly onActive: (path: string) => void;
  /** Bytes to mark as changed. */
  readonly changed?: ReadonlySet<number>;
  /** Is called when the user clicks on a byte. */
  readonly onByte?: (at: number) => void;
}

/** Maximum number of bytes drawn: a transaction set can have a million. */
const MAX_BYTES = 4_096;

/** The bytes as a grid. Arrow keys move between the fields; hover and focus highlight a field. */
export function HexView(props: HexViewProps): JSX.Element {
  const { label, wire, fields, active, onActive, changed, onByte } = props;
  const root = useRef<HTMLDivElement>(null);
  const shown = fields.filter(({ at }) => at < MAX_BYTES);
  const stop = Math.max(
    0,
    shown.findIndex(({ path }) => path === active),
  );
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = event.key === 'Home' ? 0 : event.key === 'End' ? shown.length - 1 : stop + step;
    const field = shown[Math.min(shown.length - 1, Math.max(0, next))];
    if (field === undefined) return;
    onActive(field.path);
    root.current?.querySelectorAll<HTMLElement>('.field')[shown.indexOf(field)]?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the fields in it are the buttons, the keys move between them
    <div class="hex-view" ref={root} onKeyDown={onKeyDown}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div role="group" aria-label={`${label}; arrow keys move between the fields`} class="bytes">
        {shown.map((field, number) => (
          // biome-ignore lint/a11y/useSemanticElements: a button never breaks across lines, and bytes have to
          <span
            key={field.path}
            role="button"
            class={`field tint-${tintOf(field.path)}${field.path === active ? ' lit' : ''}`}
            tabIndex={number === stop ? 0 : -1}
            aria-pressed={field.path === active}
            onMouseEnter={() => onActive(field.path)}
            onFocus={() => onActive(field.path)}
            onClick={() => onActive(field.path)}
            onKeyDown={(event) => event.key === ' ' && event.preventDefault()}
          >
            <span class="unseen">
              {field.path}, {describeBytes(field)}
            </span>
            <span aria-hidden="true">
              {Array.from(wire.subarray(field.at, Math.min(field.at + field.length, MAX_BYTES)), (byte, i) => {
                const at = field.at + i;
                // A row has 32 bytes, or 16 on a narrow screen. There, the odd multiples of 16 begin a row too.
                const offset = at % 32 === 0 ? { 'data-even': at } : at % 16 === 0 ? { 'data-odd': at } : {};
                const isChanged = changed?.has(at) === true;
                return (
                  // biome-ignore lint/a11y/useKeyWithClickEvents: by keyboard a byte is named by its number beside the grid
                  // biome-ignore lint/a11y/noStaticElementInteractions: as above
                  <i key={at} {...offset} class={isChanged ? 'changed' : undefined} onClick={onByte && (() => onByte(at))}>
                    {byte.toString(16).padStart(2, '0')}
                  </i>
                );
              })}
            </span>
          </span>
        ))}
      </div>
      {wire.length > MAX_BYTES && (
        <p class="small">
          The first {MAX_BYTES.toLocaleString('en')} of {wire.length.toLocaleString('en')} bytes are shown.
        </p>
      )}
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: 0, End: 0 };

/** Where a field is on the wire, in words. */
export function describeBytes({ at, length }: Field): string {
  return length === 1 ? `byte ${at}` : `bytes ${at} to ${at + length - 1}`;
}

/** Colour of a field: fields that belong together share one. */
function tintOf(path: string): string {
  const [first = ''] = path.split(/[.[]/);
  return TINTS[first] ?? 'rest';
}

const TINTS: Readonly<Record<string, string>> = {
  'record header': 'frame',
  v: 'frame',
  sequence: 'count',
  type: 'frame',
  ledgerVersion: 'version',
  overlayVersion: 'version',
  overlayMinVersion: 'version',
  networkID: 'network',
  versionStr: 'text',
  msg: 'text',
  listeningPort: 'version',
  peerID: 'identity',
  cert: 'cert',
  nonce: 'nonce',
  mac: 'mac',
};
