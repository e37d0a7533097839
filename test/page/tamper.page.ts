/** Try it: every field of HELLO and AUTH is changed in the page, and the receiver reacts as it must. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, Viewer } from './support/browser.ts';
import { demoPicture } from './support/demo.ts';
import { pictureOf } from './support/pictures.ts';

const XDR = ['well-formed XDR', 'ERR_DATA “received corrupt XDR”'] as const;
const CERT = ['certificate signed by the peerID for our network', 'nothing: a silent drop'] as const;
const VERSION = ['overlay versions overlap', 'ERR_CONF “wrong protocol version”'] as const;
const MAC = ['MAC good', 'ERR_AUTH “unexpected MAC”'] as const;
const UNNOTICED = undefined;

/** Field, new value, the check that fails, and the ERROR_MSG to the peer; undefined: nobody notices. */
const HELLO: readonly (readonly [field: string, value: string, outcome: readonly [string, string] | undefined])[] = [
  ['record header', '2147483648', ['record length allowed', 'nothing: a silent drop']],
  ['v', '1', XDR],
  ['sequence', '7', UNNOTICED],
  ['type', '99', XDR],
  ['ledgerVersion', '1', UNNOTICED],
  ['overlayVersion', '10', VERSION],
  ['overlayMinVersion', '99', VERSION],
  ['networkID', '00'.repeat(32), ['networkID equal', 'ERR_CONF “wrong network passphrase”']],
  ['versionStr.length', '101', XDR],
  ['versionStr', '<img src=x onerror=alert(1)>', UNNOTICED],
  ['versionStr', 'x'.repeat(101), XDR],
  ['listeningPort', '0', ['listeningPort from 1 to 65535', 'ERR_CONF “bad address”']],
  ['listeningPort', '-1', ['listeningPort from 1 to 65535', 'ERR_CONF “bad address”']],
  ['peerID.type', '1', XDR],
  ['peerID', '11'.repeat(32), CERT],
  ['cert.pubkey', `01${'00'.repeat(31)}`, CERT],
  ['cert.expiration', '1', ['certificate not expired', 'nothing: a silent drop']],
  ['cert.expiration', '18446744073709551615', CERT],
  ['cert.sig.length', '65', XDR],
  ['cert.sig', '22'.repeat(64), CERT],
  ['nonce', '33'.repeat(32), MAC],
  ['mac', '44'.repeat(32), UNNOTICED],
];

const AUTH: typeof HELLO = [
  ['v', '1', XDR],
  ['sequence', '1', ['sequence is the next', 'ERR_AUTH “unexpected auth sequence”']],
  ['type', '99', XDR],
  ['flags', '100', MAC],
  ['mac', '00'.repeat(32), MAC],
];

describe.runIf(findBrowser())('a change on the page', () => {
  let viewer: Viewer;
  let demo: Page;
  let recorded: Page;

  beforeAll(async () => {
    viewer = await Viewer.start();
    demo = await viewer.show(await demoPicture());
    recorded = await viewer.show(pictureOf('dial-core', false));
  });
  afterAll(() => viewer[Symbol.asyncDispose]());

  async function change(page: Page, record: string, field: string, value: string): Promise<void> {
    const lab = page.locator('#try');
    await lab.locator('[name=record]').selectOption({ label: record });
    await lab.locator('[name=field]').selectOption(field);
    await lab.locator('[name=value]').fill(value);
    await lab.getByRole('button', { name: 'Change field' }).click();
  }

  async function expectOutcome(page: Page, outcome: readonly [string, string] | undefined): Promise<void> {
    const panel = page.getByTestId('outcome');
    if (outcome === undefined) {
      await panel.getByText(/does not notice/).waitFor();
      return;
    }
    const [check, told] = outcome;
    await panel.locator('.sentence-noticed').waitFor();
    const facts = await panel.locator('.consequence div').allTextContents();
    expect(facts[0]).toContain(check);
    expect(facts).toContain(`The peer is told${told}`);
    expect(facts.at(-1)?.length).toBeGreaterThan('Advice'.length + 20);
  }

  it.each(HELLO)('has the expected outcome when %s in the HELLO of A becomes %s', async (field, value, outcome) => {
    await change(demo, '1. HELLO, A to B', field, value);
    await expectOutcome(demo, outcome);
  });

  it.each(HELLO)('has the expected outcome when %s in the HELLO of B becomes %s', async (field, value, outcome) => {
    await change(demo, '2. HELLO, B to A', field, value);
    await expectOutcome(demo, outcome);
  });

  it.each(HELLO)(
    'has the expected outcome in a recording without our keys when %s in stellar-core’s HELLO becomes %s',
    async (field, value, outcome) => {
      await change(recorded, '2. HELLO, B to A', field, value);
      await expectOutcome(recorded, outcome);
    },
  );

  it.each(AUTH)('has the expected outcome when %s in AUTH becomes %s', async (field, value, outcome) => {
    await change(demo, '3. AUTH, A to B', field, value);
    await expectOutcome(demo, outcome);
    await change(recorded, '4. AUTH, B to A', field, value);
    await expectOutcome(recorded, outcome);
  });

  it('is noticed at the AUTH that follows when the nonce is changed', async () => {
    await change(demo, '1. HELLO, A to B', 'nonce', '33'.repeat(32));
    expect(await demo.getByTestId('outcome').textContent()).toContain(
      'Not at the changed HELLO, but at the AUTH that follows it.',
    );
  });

  it('is noticed when one bit is flipped, and can be undone', async () => {
    const lab = demo.locator('#try');
    await lab.locator('[name=record]').selectOption({ label: '1. HELLO, A to B' });
    await lab.locator('[name=at]').fill('200');
    await lab.getByRole('button', { name: 'Flip a bit' }).click();
    await expectOutcome(demo, CERT);
    expect(await lab.locator('.changed').count()).toBe(1);
    // A second click restores the bit.
    await lab.getByRole('button', { name: 'Flip a bit' }).click();
    await demo.getByTestId('outcome').getByText('Nothing is changed yet').waitFor();
    await lab.getByRole('button', { name: 'Flip a bit' }).click();
    await expectOutcome(demo, CERT);
    await lab.getByRole('button', { name: 'Restore' }).click();
    await demo.getByTestId('outcome').getByText('Nothing is changed yet').waitFor();
  });

  it('can be made at a byte that is picked by a click', async () => {
    const lab = demo.locator('#try');
    await lab.locator('[name=record]').selectOption({ label: '1. HELLO, A to B' });
    await lab.locator('.bytes i').nth(140).click();
    expect(await lab.locator('[name=at]').inputValue()).toBe('140');
    expect(await lab.locator('[name=field]').inputValue()).toBe('cert.pubkey');
  });

  it('is refused with the reason when the value does not fit', async () => {
    await change(demo, '1. HELLO, A to B', 'networkID', 'abc');
    expect(await demo.locator('#try [role=alert]').textContent()).toBe('Write 64 hex digits: 32 bytes.');
    await change(demo, '1. HELLO, A to B', 'listeningPort', '4294967296');
    expect(await demo.locator('#try [role=alert]').textContent()).toBe('The number does not fit in 4 bytes.');
  });

  it('can be made to every field in turn', async () => {
    await demo.locator('#try [name=record]').selectOption({ label: '2. HELLO, B to A' });
    await demo.getByRole('button', { name: 'Change every field of this HELLO, one at a time' }).click();
    const rows = await demo.locator('.every tbody tr').allTextContents();
    expect(rows.length).toBeGreaterThanOrEqual(19);
    expect(rows).toContain('networkIDnetworkID equalERR_CONF “wrong network passphrase”');
    expect(rows).toContain('nonceMAC good (later)ERR_AUTH “unexpected MAC”');
    expect(rows).toContain('macnone: nobody notices');
  });

  it('names the facts that the page cannot know', async () => {
    await change(recorded, '1. HELLO, A to B', 'listeningPort', '0');
    const text = await recorded.getByTestId('outcome').textContent();
    expect(text).toContain('The configuration of B, such as a ban, is not known here.');
    expect(text).toContain('The MAC keys are not in this file');
  });

  it('causes no request and no error', () => {
    expect(viewer.complaints).toEqual([]);
  });
});
