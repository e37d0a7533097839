/**
 * Counts as bars, and the same counts as a list for screen readers.
 * @module
 */
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useColours } from './colours.ts';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Number of bars; one more has the rest. */
const MAX_BARS = 14;
/** Height of a bar with its margin, in pixels. */
const BAR_HEIGHT = 26;

interface ChartProps {
  readonly title: string;
  readonly counts: readonly (readonly [string, number])[];
  /** Name of what is counted. */
  readonly of: string;
}

/** One bar for each count. */
export function BarChart({ title, counts, of }: ChartProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  const bars = withRest(counts);
  useEffect(() => {
    if (canvas.current === null) return;
    const ticks = { color: colours.ink, font: { family: colours.font, size: 13 } };
    const chart = new Chart(canvas.current, {
      type: 'bar',
      data: {
        labels: bars.map(([name]) => (name.length > 28 ? `${name.slice(0, 27)}…` : name)),
        datasets: [{ data: bars.map(([, count]) => count), backgroundColor: colours.accent, maxBarThickness: 16 }],
      },
      options: {
        indexAxis: 'y',
        animation: false,
        maintainAspectRatio: false,
        scales: {
          x: { ticks: { ...ticks, precision: 0 }, grid: { color: colours.line } },
          y: { ticks: { ...ticks, autoSkip: false }, grid: { display: false } },
        },
      },
    });
    return () => chart.destroy();
  }, [counts, colours]);
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  return (
    <figure>
      <figcaption>
        <h2>{title}</h2>
        <p class="small">{`${all} ${of}`}</p>
      </figcaption>
      <div class="chart" style={{ height: `${bars.length * BAR_HEIGHT + 40}px` }}>
        <canvas ref={canvas} role="img" aria-label={`${title} as bars; the list that follows has the numbers`} />
      </div>
      <ul class="unseen">
        {bars.map(([name, count]) => (
          <li key={name}>{`${name}: ${count}`}</li>
        ))}
      </ul>
    </figure>
  );
}

function withRest(counts: ChartProps['counts']): ChartProps['counts'] {
  if (counts.length <= MAX_BARS) return counts;
  const rest = counts.slice(MAX_BARS - 1);
  return [...counts.slice(0, MAX_BARS - 1), [`${rest.length} others`, rest.reduce((sum, [, count]) => sum + count, 0)]];
}
