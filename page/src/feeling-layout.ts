// The feeling curve: a point for each stage with enough answers, and its interval. Stages without answers get nothing.
import { scaleLinear } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";
import type { Stage } from "./model.ts";

export interface FeltPoint {
  readonly stage: Stage;
  readonly x: number;
  readonly y: number;
  /** Whether enough customers answered; only then is it coloured. */
  readonly known: boolean;
  readonly colour: string;
  readonly low: number;
  readonly high: number;
}

export interface FeelingLayout {
  readonly points: readonly FeltPoint[];
  readonly curves: readonly string[];
  readonly bands: readonly string[];
  /** Between the curve and the middle of the scale. */
  readonly hills: readonly string[];
  readonly best: number;
  readonly middle: number;
  readonly worst: number;
}

/** From bad to good, also distinguishable with colour vision deficiency. */
export const feelingColour = scaleLinear<string>().domain([0, 0.5, 1]).range(["#c2410c", "#8a8f98", "#1d5fa8"]).clamp(true);

/** Room above the best, where labels stand, and below the worst. */
const ABOVE = 26;
const BELOW = 10;

export function layOutFeeling(stages: readonly Stage[], width: number, height: number): FeelingLayout {
  const y = scaleLinear().domain([0, 1]).range([height - BELOW, ABOVE]);
  const column = width / stages.length;
  const points: FeltPoint[] = stages.flatMap((stage, index) => {
    const felt = stage.feeling;
    if (felt === null) return [];
    const known = felt.low !== null && felt.high !== null;
    return [
      {
        stage,
        x: (index + 0.5) * column,
        y: y(felt.level),
        known,
        colour: feelingColour(felt.level),
        low: y(felt.low ?? felt.level),
        high: y(felt.high ?? felt.level),
      },
    ];
  });
  const runs = unbroken(points, stages);
  const curve = line<FeltPoint>((point) => point.x, (point) => point.y).curve(curveMonotoneX);
  const band = area<FeltPoint>((point) => point.x, (point) => point.low, (point) => point.high).curve(curveMonotoneX);
  const hill = area<FeltPoint>((point) => point.x, y(0.5), (point) => point.y).curve(curveMonotoneX);
  return {
    points,
    curves: runs.flatMap((run) => (run.length > 1 ? [curve(run) ?? ""] : [])),
    bands: runs.flatMap((run) => (run.length > 1 ? [band(run) ?? ""] : [])),
    hills: runs.flatMap((run) => (run.length > 1 ? [hill(run) ?? ""] : [])),
    best: y(1),
    middle: y(0.5),
    worst: y(0),
  };
}

/** Runs of neighbouring stages with values; the curve does not cross a stage without one. */
function unbroken(points: readonly FeltPoint[], stages: readonly Stage[]): FeltPoint[][] {
  const runs: FeltPoint[][] = [[]];
  for (const stage of stages) {
    const point = points.find((each) => each.stage === stage && each.known);
    if (point === undefined) runs.push([]);
    else runs[runs.length - 1]?.push(point);
  }
  return runs.filter((run) => run.length > 0);
}
