// How many customers were in a stage over the time shown, as a small line without axes.
import type { JSX } from "preact";

export interface SparklineProps {
  readonly trend: readonly number[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The points of the line, from 0 at the bottom to the most at the top. */
export function points({ trend, x, y, width, height }: SparklineProps): readonly (readonly [number, number])[] {
  const most = Math.max(1, ...trend);
  return trend.map((count, index) => [x + (width * index) / Math.max(1, trend.length - 1), y + height - (height * count) / most]);
}

/** Inside an SVG; nothing if there is no trend. The number it ends with stands beside it, so it is hidden from screen readers. */
export function Sparkline(props: SparklineProps): JSX.Element | null {
  if (props.trend.length < 2) return null;
  const line = points(props).map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  const { x, y, width, height } = props;
  return (
    <g class="sparkline" aria-hidden="true">
      <path class="under" d={`M${x} ${y + height}L${line.join("L")}L${x + width} ${y + height}Z`} />
      <path class="line" d={`M${line.join("L")}`} />
    </g>
  );
}
