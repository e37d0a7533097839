/** Sessions recorded from a running stellar-core, each as its page. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OverlayErrorCode } from '../../src/protocol/error-table.ts';
import { transcript, transcripts } from '../support/vectors.ts';
import { findBrowser, Viewer } from './support/browser.ts';
import { pictureOf } from './support/pictures.ts';

/** The check that failed, where the bytes show it. In the other recordings only the ERROR_MSG shows the reason. */
const CAUSES: Readonly<Record<string, readonly [check: string, code: OverlayErrorCode]>> = {
  'bad-address': ['listeningPort from 1 to 65535', 'OVERLAY_BAD_ADDRESS'],
  'connecting-to-self': ['peerID not our own', 'OVERLAY_CONNECTING_TO_SELF'],
  'corrupt-xdr': ['well-formed XDR', 'OVERLAY_CORRUPT_XDR'],
  'flow-control-bytes-disabled': ['flags 200', 'OVERLAY_FLOW_CONTROL_BYTES_DISABLED'],
  'silent-expired-cert': ['certificate not expired', 'OVERLAY_CERT_EXPIRED'],
  'silent-other-network': ['certificate signed by the peerID for our network', 'OVERLAY_CERT_INVALID'],
  'silent-send-more': ['allowed here', 'OVERLAY_SEND_MORE'],
  'skipped-sequence-after-auth': ['sequence is the next', 'OVERLAY_UNEXPECTED_SEQUENCE'],
  'unexpected-auth-sequence': ['sequence is the next', 'OVERLAY_UNEXPECTED_SEQUENCE'],
  'unexpected-mac': ['MAC good', 'OVERLAY_UNEXPECTED_MAC'],
  'out-of-order-auth': ['after HELLO, and once', 'OVERLAY_OUT_OF_ORDER_AUTH'],
  'wrong-network-passphrase': ['networkID equal', 'OVERLAY_WRONG_NETWORK'],
  'wrong-protocol-version': ['overlay versions overlap', 'OVERLAY_WRONG_PROTOCOL_VERSION'],
};

/** If both sides refuse, the page shows the acceptor, which gets its HELLO first. */
const BOTH_REFUSE = ['peerID not our own', 'overlay versions overlap'];

const COMPLETE = ['core-dials-us', 'dial-core', 'traffic'];

describe.runIf(findBrowser())('the page of a session with stellar-core', () => {
  let viewer: Viewer;

  beforeAll(async () => {
    viewer = await Viewer.start();
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  it.each(COMPLETE)('shows that every check of every record passes: %s', async (name) => {
    const page = await viewer.show(pictureOf(name));
    expect(await page.getByRole('region', { name: 'Result' }).textContent()).toContain('Every check passes');
    await page.getByRole('button', { name: /^Show \d+ more rows$/ }).click();
    const { records } = transcript(name);
    expect(await page.locator('#sequence .arrow').count()).toBe(records.length);
    expect(await page.locator('#sequence .mark-ok').count()).toBe(records.length);
    expect(await page.locator('#sequence .arrow-bad').count()).toBe(0);
    const [k] = name === 'core-dials-us' ? ['K_BA'] : ['K_AB'];
    await page.locator('.node', { hasText: k }).click();
    const { derived } = transcript(name);
    const sent = name === 'core-dials-us' ? derived?.macKeyAcceptorToInitiatorHex : derived?.macKeyInitiatorToAcceptorHex;
    const value = await page.locator('.detail-panel .value-box code').first().textContent();
    expect(value?.replaceAll(' ', '')).toBe(sent);
    expect(viewer.complaints).toEqual([]);
    await viewer.leave(page);
  });

  it.each(transcripts.map(([name]) => name).filter((name) => !COMPLETE.includes(name)))('shows what failed: %s', async (name) => {
    const { records, initiator } = transcript(name);
    const page = await viewer.show(pictureOf(name));
    const failed = page.getByRole('region', { name: 'What failed' });
    const text = await failed.textContent();
    const said = Buffer.from(records.findLast(({ type }) => type === 'ERROR_MSG')?.frameHex ?? '', 'hex').toString('latin1');
    const words = /[ -~]{6,}/.exec(said.slice(24, -32))?.[0];
    if (words !== undefined) expect(text).toContain(`“${words.slice(0, 30)}`);
    const cause = CAUSES[name.replace('reject-', '').replace('-core-dials-us', '')];
    if (cause !== undefined) {
      const [check, code] = cause;
      const side = initiator === 'ours' || BOTH_REFUSE.includes(check) ? 'B' : 'A';
      expect(text).toContain(check);
      expect(text).toContain(code);
      await page.locator('.checks .check-failed', { hasText: check }).waitFor();
      expect(await page.locator('.checks h3').textContent()).toBe(`Checks of ${side}`);
      expect(await page.locator('.fields .mark-failed').count()).toBeGreaterThanOrEqual(
        check === 'allowed here' || check.startsWith('after') ? 0 : 1,
      );
    }
    expect(await page.locator('.row-end').count()).toBeGreaterThan(0);
    expect(viewer.complaints).toEqual([]);
    await viewer.leave(page);
  });

  it('contains no secret without our keys, and reports MACs as not verified', async () => {
    const page = await viewer.show(pictureOf('dial-core', false));
    expect(await page.locator('.node.unknown').allTextContents()).toEqual([
      'seed Ahidden',
      'ECDH secret Ahidden',
      'seed Bhidden',
      'ECDH secret Bhidden',
      'qhidden',
      'shared keyhidden',
      'K_ABhidden',
      'K_BAhidden',
    ]);
    const { ours, derived } = transcript('dial-core');
    const html = await page.content();
    for (const secret of [
      ours.seedHex,
      ours.ecdhSecretHex,
      derived?.sharedKeyHex ?? '-',
      derived?.macKeyInitiatorToAcceptorHex ?? '-',
    ])
      expect(html).not.toContain(secret);
    await page.locator('#sequence .arrow').nth(2).click();
    expect(await page.locator('.checks').textContent()).toContain('This MAC was not verified');
    await viewer.leave(page);
  });

  it('reports no MAC as good without keys: not in the headline, the records, the checks or the fields', async () => {
    const page = await viewer.show(pictureOf('dial-core', false));
    expect(await page.locator('h1').textContent()).toBe('dial-core.json: the handshake is complete. MACs not verified: no keys');
    const result = page.getByRole('region', { name: 'Result' });
    expect(await result.textContent()).toContain('MACs not verified: no keys');
    expect(await result.getAttribute('class')).not.toContain('verdict-good');
    const body = await page.locator('#page').textContent();
    for (const claim of ['Every check passes', 'good MAC.', 'are authenticated', 'taken for good'])
      expect(body).not.toContain(claim);
    const { records } = transcript('dial-core');
    const hellos = records.filter(({ type }) => type === 'HELLO').length;
    await page.getByRole('button', { name: /^Show \d+ more rows$/ }).click();
    expect(await page.locator('#sequence .mark-ok').count()).toBe(hellos);
    expect(await page.locator('#sequence .mark-unverified').count()).toBe(records.length - hellos);
    expect(await page.locator('#sequence .arrow', { hasText: 'MAC not verified' }).count()).toBe(records.length - hellos);
    await page.locator('#sequence .arrow').nth(2).click();
    expect(await page.locator('.checks .check-unverified').textContent()).toContain('not verified: no keys');
    expect(await page.locator('.fields tr', { hasText: 'HMAC-SHA256' }).locator('.mark-unverified').count()).toBe(1);
    await viewer.leave(page);
  });

  it('shows a MAC as bad if it was verified as bad, and claims nothing else', async () => {
    const picture = pictureOf('dial-core', false);
    const events = picture.events.map((event, i) =>
      event.kind === 'record' && event.mac !== 'none' ? { ...event, mac: i === 3 ? ('bad' as const) : ('good' as const) } : event,
    );
    const page = await viewer.show({ ...picture, events });
    expect(await page.getByRole('region', { name: 'What failed' }).textContent()).toContain('MAC good');
    expect(await page.locator('#sequence .arrow-bad').textContent()).toContain('bad MAC');
    expect(await page.locator('.checks').textContent()).toContain('When the record came, the MAC was verified and bad.');
    const body = await page.locator('#page').textContent();
    for (const claim of ['Every check passes', 'are authenticated', 'This MAC was not verified'])
      expect(body).not.toContain(claim);
    await viewer.leave(page);
  });
});
