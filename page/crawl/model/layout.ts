/**
 * Positions of the nodes of the graph.
 * @module
 */
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type Simulation } from 'd3-force';
import type { CrawlPageData } from '../../../src/crawl/page-data.ts';
import { type Tone, toneOf } from './rows.ts';

/** A node that is drawn. */
export interface Point {
  /** Its index in the data. */
  readonly at: number;
  readonly tone: Tone;
  readonly radius: number;
  x: number;
  y: number;
}

/** Number of names of each node that attract: all fifty would draw the graph into one ball, and each step would take a second. */
const PULLING = 3;
/** Number of steps until the layout is finished. */
export const STEPS = 150;

/** The points, and the simulation that moves them; `tick` is one step. */
export interface Layout {
  readonly points: readonly Point[];
  readonly simulation: Simulation<Point, undefined>;
}

/** Addresses that were dialled; the others are only names. */
export function layoutOf({ nodes }: CrawlPageData): Layout {
  const points: Point[] = [];
  const byPlace = new Map<number, Point>();
  for (const [at, { outcome, namedBy }] of nodes.entries()) {
    const angle = at * 2.399963;
    const distance = 9 * Math.sqrt(at);
    const point: Point = {
      at,
      tone: toneOf(outcome),
      radius: 2 + Math.min(5, Math.sqrt(namedBy) / 3),
      x: distance * Math.cos(angle),
      y: distance * Math.sin(angle),
    };
    points.push(point);
    byPlace.set(at, point);
  }
  const links = nodes.flatMap(({ names = [] }, at) =>
    // Rare names show best which nodes belong together.
    [...names]
      .sort((a, b) => (nodes[a]?.namedBy ?? 0) - (nodes[b]?.namedBy ?? 0))
      .slice(0, PULLING)
      .map((name) => ({ source: byPlace.get(at) as Point, target: byPlace.get(name) as Point })),
  );
  const simulation = forceSimulation<Point>(points)
    .force('charge', forceManyBody<Point>().strength(-14).theta(1.2).distanceMax(400))
    .force('link', forceLink(links).distance(22).strength(0.25))
    .force('x', forceX<Point>(0).strength(0.05))
    .force('y', forceY<Point>(0).strength(0.05))
    .force(
      'collide',
      forceCollide<Point>(({ radius }) => radius + 1),
    )
    .alphaDecay(1 - 0.001 ** (1 / STEPS))
    .stop();
  return { points, simulation };
}
