/**
 * Which node names which, as a graph. The layout is computed while the graph is visible, one step in each frame, so that the page
 * stays responsive.
 * @module
 */
import { select } from 'd3-selection';
import { type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CrawlPageData } from '../../../src/crawl/page-data.ts';
import { type Layout, layoutOf, type Point, STEPS } from '../model/layout.ts';
import { namersOf, TONE_NAMES, toneOf } from '../model/rows.ts';
import { type Colours, useColours } from './colours.ts';

/** Time in each frame for steps of the layout, in milliseconds. */
const BUDGET_MS = 8;
/** A click at this distance from a point chooses it, in pixels. */
const NEAR = 12;

interface GraphProps {
  readonly data: CrawlPageData;
  readonly chosen: number | undefined;
  readonly onChoose: (at: number | undefined) => void;
}

/** The graph of a crawl. */
export function NamesGraph({ data, chosen, onChoose }: GraphProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  const namers = useMemo(() => namersOf(data), [data]);
  const [isSeen, setSeen] = useState(false);
  const drawing = useRef<Drawing | undefined>(undefined);
  useEffect(() => {
    if (canvas.current === null) return;
    const observer = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting === true));
    observer.observe(canvas.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!isSeen || canvas.current === null) return;
    drawing.current ??= new Drawing(canvas.current, layoutOf(data), data, namers);
    drawing.current.onChoose = onChoose;
    drawing.current.show(colours, chosen);
    return drawing.current.run();
  }, [isSeen, colours, chosen, data]);
  const tones = useMemo(() => [...new Set(data.nodes.map(({ outcome }) => toneOf(outcome)))], [data]);
  return (
    <section id="graph" aria-labelledby="graph-title">
      <h2 id="graph-title">Which node names which</h2>
      <p class="small">
        Lines go from the chosen node to the nodes in its address book, and to it from the nodes that name it. A name is not a
        connection. Click a node to choose it; drag and scroll to look closer.
      </p>
      <canvas
        ref={canvas}
        class="graph"
        role="img"
        aria-label={`${data.nodes.length} nodes; the table above lists all of them with the nodes that they name`}
      />
      <ul class="legend">
        {tones.map((tone) => (
          <li key={tone}>
            <span class={`tone tone-${tone}`} aria-hidden="true" />
            {TONE_NAMES[tone]}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The canvas of the graph. */
class Drawing {
  onChoose: GraphProps['onChoose'] = () => {};
  readonly #canvas: HTMLCanvasElement;
  readonly #layout: Layout;
  readonly #data: CrawlPageData;
  readonly #namers: readonly (readonly number[])[];
  #colours: Colours | undefined;
  #chosen: number | undefined;
  #transform: ZoomTransform = zoomIdentity;
  #steps = 0;
  #isDirty = true;

  constructor(canvas: HTMLCanvasElement, layout: Layout, data: CrawlPageData, namers: readonly (readonly number[])[]) {
    this.#canvas = canvas;
    this.#layout = layout;
    this.#data = data;
    this.#namers = namers;
    const behaviour = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([0.2, 8])
      .on('zoom', ({ transform }: { readonly transform: ZoomTransform }) => {
        this.#transform = transform;
        this.#isDirty = true;
      });
    select(canvas).call(behaviour);
    canvas.addEventListener('click', (event) => this.onChoose(this.#pointAt(event)?.at));
    new ResizeObserver(() => {
      this.#isDirty = true;
    }).observe(canvas);
  }

  show(colours: Colours, chosen: number | undefined): void {
    this.#colours = colours;
    this.#chosen = chosen;
    this.#isDirty = true;
  }

  /** Computes steps and draws. @returns a function that stops it */
  run(): () => void {
    const next = (): void => {
      this.#step();
      if (this.#isDirty) this.#draw();
      frame = requestAnimationFrame(next);
    };
    let frame = requestAnimationFrame(next);
    return () => cancelAnimationFrame(frame);
  }

  #step(): void {
    const start = performance.now();
    while (this.#steps < STEPS && performance.now() - start < BUDGET_MS) {
      this.#layout.simulation.tick();
      this.#steps++;
      this.#isDirty = true;
    }
  }

  /** The view that shows the whole graph, unless the user has zoomed. */
  #scale(): { readonly scale: number; readonly x: number; readonly y: number } {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const reach = Math.max(60, ...this.#layout.points.map(({ x, y }) => Math.max(Math.abs(x), Math.abs(y))));
    const fit = Math.min(width, height) / (2.1 * reach);
    return { scale: fit * this.#transform.k, x: this.#transform.applyX(width / 2), y: this.#transform.applyY(height / 2) };
  }

  #pointAt(event: MouseEvent): Point | undefined {
    const { scale, x, y } = this.#scale();
    return this.#layout.simulation.find((event.offsetX - x) / scale, (event.offsetY - y) / scale, NEAR / scale);
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    const colours = this.#colours;
    if (context === null || colours === undefined) return;
    this.#isDirty = false;
    const ratio = devicePixelRatio;
    const { clientWidth, clientHeight } = this.#canvas;
    if (this.#canvas.width !== Math.round(clientWidth * ratio)) this.#canvas.width = Math.round(clientWidth * ratio);
    if (this.#canvas.height !== Math.round(clientHeight * ratio)) this.#canvas.height = Math.round(clientHeight * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const { scale, x, y } = this.#scale();
    context.translate(x, y);
    context.scale(scale, scale);
    this.#drawNames(context, colours, scale);
    const { points } = this.#layout;
    for (const [tone, colour] of Object.entries(colours.tones)) {
      context.fillStyle = colour;
      context.beginPath();
      for (const point of points) {
        if (point.tone !== tone) continue;
        context.moveTo(point.x + point.radius, point.y);
        context.arc(point.x, point.y, point.radius, 0, 2 * Math.PI);
      }
      context.fill();
    }
    const chosen = this.#chosen === undefined ? undefined : points[this.#chosen];
    if (chosen === undefined) return;
    context.strokeStyle = colours.ink;
    context.lineWidth = 2 / scale;
    context.beginPath();
    context.arc(chosen.x, chosen.y, chosen.radius + 4 / scale, 0, 2 * Math.PI);
    context.stroke();
  }

  #drawNames(context: CanvasRenderingContext2D, colours: Colours, scale: number): void {
    const { points } = this.#layout;
    const from = this.#chosen === undefined ? undefined : points[this.#chosen];
    if (from === undefined) return;
    const lines = (places: readonly number[], colour: string): void => {
      context.strokeStyle = colour;
      context.lineWidth = 1 / scale;
      context.beginPath();
      for (const place of places) {
        const to = points[place];
        if (to === undefined) continue;
        context.moveTo(from.x, from.y);
        context.lineTo(to.x, to.y);
      }
      context.stroke();
    };
    lines(this.#namers[from.at] ?? [], colours.line);
    lines(this.#data.nodes[from.at]?.names ?? [], colours.accent);
  }
}
