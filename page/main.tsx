/**
 * The page of `explain`: shows the picture in the page, or the events from its server.
 * @module
 */
import { render } from 'preact';
import type { PageContent, Picture } from '../src/explain/picture.ts';
import { understand } from './model/story.ts';
import { shown } from './printable-text.ts';
import { Page, Waiting } from './views/page.tsx';

const root = document.getElementById('page') as HTMLElement;
const content = JSON.parse(document.getElementById('picture')?.textContent ?? 'null') as PageContent | null;

if (content === null) render(<Waiting text="There is no handshake in this file." />, root);
else if ('live' in content) follow(content.live);
else show(content, undefined);

function show(picture: Picture, live: string | undefined): void {
  const story = understand(picture);
  document.title = shown(`Handshake with ${picture.target}`);
  render(<Page story={story} live={live} />, root);
}

/** Shows the live handshake. The stream stays open afterwards: it tells the program that the page is still open. */
function follow(path: string): void {
  let latest: Picture | undefined;
  render(<Waiting text="The handshake begins now." />, root);
  const events = new EventSource(path);
  events.addEventListener('picture', ({ data }) => {
    latest = JSON.parse(data) as Picture;
    show(
      latest,
      latest.running ? 'The handshake is going on.' : 'The handshake is over; the program waits until this page is closed.',
    );
  });
  events.addEventListener('error', () => {
    events.close();
    if (latest === undefined) render(<Waiting text="The program that served this page has ended." />, root);
    else show({ ...latest, running: false }, 'The program has ended. This page still works.');
  });
}
