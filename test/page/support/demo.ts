/** A handshake with the embedded peer as a picture. */

import { explain } from '../../../src/explain/explain.ts';
import type { Picture } from '../../../src/explain/picture.ts';
import { PictureMaker } from '../../../src/explain/picture-maker.ts';
import { networks } from '../../../src/protocol/networks.ts';

/** A new one each time. */
export async function demoPicture(): Promise<Picture> {
  const network = networks.standalone;
  const frame = { source: 'demo', target: 'an embedded peer', network } as const;
  const maker = new PictureMaker(frame, true, Date.now(), () => performance.now());
  const { timings, error } = await explain(undefined, { network }, maker);
  maker.end(timings, error);
  return maker.picture;
}
