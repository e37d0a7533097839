/** The page can show any picture. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyGraph } from '../../page/model/keys.ts';
import { fieldsOf, recordsOf } from '../../page/model/record.ts';
import { ruleOf, verdictOf } from '../../page/model/rules.ts';
import { receptionOf, understand } from '../../page/model/story.ts';
import { suggestion, tamper, withField } from '../../page/model/tamper.ts';
import type { Picture, PictureEvent } from '../../src/explain/picture.ts';
import { fromHex, toHex } from '../../src/protocol/bytes.ts';
import { pictureOf } from '../page/support/pictures.ts';

const NAMES = ['dial-core', 'core-dials-us', 'reject-corrupt-xdr', 'reject-silent-send-more'] as const;
/** Everything up to the first messages of the channel. */
const EVENTS = 9;

interface Damage {
  readonly event: number;
  readonly at: number;
  readonly value: number;
  readonly cut: boolean;
  readonly mac: 'good' | 'bad' | 'none' | 'unknown';
}

const damages = fc.array(
  fc.record({
    event: fc.nat(EVENTS - 1),
    at: fc.nat(400),
    value: fc.nat(255),
    cut: fc.boolean(),
    mac: fc.constantFrom('good', 'bad', 'none', 'unknown'),
  }),
  { maxLength: 6 },
);

function damaged(event: PictureEvent, { at, value, cut, mac }: Damage): PictureEvent {
  if (event.kind !== 'record') return event;
  const wire = fromHex(event.hex);
  if (at < wire.length) wire[at] = value;
  // At least the header is kept, because a picture has no record without a header.
  return { ...event, hex: toHex(cut ? wire.subarray(0, Math.max(4, at)) : wire), mac };
}

it('the page model accepts a picture with any damage, and any change on it can be tried', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.boolean(), fc.boolean(), damages, (name, hasSecrets, hasDate, list) => {
      const { startUnixMs, ...recorded } = pictureOf(name, hasSecrets);
      let events: readonly PictureEvent[] = recorded.events.slice(0, EVENTS);
      for (const damage of list) events = events.map((event, i) => (i === damage.event ? damaged(event, damage) : event));
      const picture: Picture = { ...recorded, events, ...(hasDate && startUnixMs !== undefined && { startUnixMs }) };
      const story = understand(picture);
      expect(keyGraph(picture).length).toBeGreaterThan(15);
      for (const record of recordsOf(picture)) {
        const checks = receptionOf(story, record)?.checks ?? [];
        const fields = fieldsOf(record.wire);
        for (const field of fields) verdictOf(ruleOf(record.type, field), checks);
        const last = fields.at(-1);
        if (last !== undefined && record.type !== 'MALFORMED')
          tamper(story, record, withField(record.wire, last, suggestion(last, record.wire)));
      }
    }),
    { numRuns: 60 },
  );
});
