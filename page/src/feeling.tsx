// The feeling lane.
import type { JSX } from "preact";
import { feelingColour, layOutFeeling } from "./feeling-layout.ts";
import { labelOf, useReading } from "./reading.ts";

const HEIGHT = 80;

export function FeelingLane({ width }: { readonly width: number }): JSX.Element {
  const { map, speech } = useReading();
  const layout = layOutFeeling(map.stages, width, HEIGHT);
  const words = layout.points.map(({ stage }) => feelingWords(speech, labelOf(speech, stage), stage.feeling)).join("; ");
  return (
    <svg class="feeling" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={words || speech.say("nobody_said")}>
      <defs>
        <linearGradient id="feelings" gradientUnits="userSpaceOnUse" x1="0" x2="0" y1={layout.best} y2={layout.worst}>
          {[1, 0.5, 0].map((level) => <stop key={level} offset={1 - level} stop-color={feelingColour(level)} />)}
        </linearGradient>
      </defs>
      {layout.hills.map((path) => <path class="hills" d={path} fill="url(#feelings)" />)}
      <line class="middle" x1="0" x2={width} y1={layout.middle} y2={layout.middle} />
      {layout.bands.map((path) => <path class="band" d={path} />)}
      {layout.curves.map((path) => <path class="curve" d={path} stroke="url(#feelings)" />)}
      {layout.points.map(({ stage, x, y, known, colour, low, high }) => (
        <g class={known ? "felt" : "felt guess"}>
          <title>{feelingWords(speech, labelOf(speech, stage), stage.feeling)}</title>
          {known && <line class="interval" x1={x} x2={x} y1={low} y2={high} />}
          <circle cx={x} cy={y} r="5.5" {...(known ? { fill: colour } : {})} />
          <text x={x} y={y - 12}>
            <tspan class="mean">{speech.decimal(stage.feeling?.mean ?? 0)}</tspan>
            <tspan class="small" dx="4">{speech.say("answers", { n: stage.feeling?.count ?? 0 })}</tspan>
          </text>
        </g>
      ))}
    </svg>
  );
}

export function feelingWords(speech: ReturnType<typeof useReading>["speech"], stage: string, felt: { readonly mean: number; readonly count: number; readonly low: number | null } | null): string {
  if (felt === null) return "";
  const key = felt.low === null ? "feeling_guess" : "feeling_known";
  return `${stage}: ${speech.say(key, { mean: speech.decimal(felt.mean), n: felt.count })}`;
}
