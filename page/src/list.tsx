// The map on a narrow screen: one stage after the other, each with its lanes and the ways out of it.
import type { JSX } from "preact";
import { Bar, LANES } from "./cells.tsx";
import { LaneName } from "./lane-name.tsx";
import { feelingColour } from "./feeling-layout.ts";
import { feelingWords } from "./feeling.tsx";
import type { Stage } from "./model.ts";
import { kindOf, labelOf, stageName, useReading } from "./reading.ts";
import { Sparkline } from "./sparkline.tsx";

export function List(): JSX.Element {
  const { map, speech } = useReading();
  return (
    <div class="list">
      {map.phases.map((phase) => (
        <section key={phase.stages[0]}>
          {phase.id !== null && <h2>{speech.of(phase.label, phase.id)}</h2>}
          {phase.stages.map((id) => {
            const stage = map.stages.find((each) => each.id === id);
            return stage === undefined ? null : <Card key={id} stage={stage} />;
          })}
        </section>
      ))}
    </div>
  );
}

function Card({ stage }: { readonly stage: Stage }): JSX.Element {
  const { map, speech, choose } = useReading();
  const out = map.flows.filter((flow) => flow.from === stage.id && flow.count > 0).sort((one, other) => other.count - one.count);
  return (
    <article class="card">
      <h3>
        <button type="button" onClick={() => choose({ stage: stage.id })}>
          {labelOf(speech, stage)}
        </button>
        <span class="figure">{speech.number(stage.customers)}</span>
        <span class="small">{speech.share(stage.share)}</span>
        {stage.trend.length > 1 && (
          <svg class="trend" viewBox="0 0 64 16" aria-hidden="true">
            <Sparkline trend={stage.trend} x={1} y={1} width={62} height={14} />
          </svg>
        )}
      </h3>
      <dl>
        {LANES.filter((lane) => (lane.key === "campaigns" ? map.campaigns.some((each) => each.stages.includes(stage.id)) : lane.has(stage))).map(({ key, Cell }) => (
          <div key={key} class={key}>
            <LaneName lane={key} as="dt" />
            <dd>{key === "feeling" ? <Felt stage={stage} /> : <Cell stage={stage} />}</dd>
          </div>
        ))}
        {out.length > 0 && (
          <div>
            <LaneName lane="ways" as="dt" />
            <dd>
              <ul class="few">
                {out.map((flow) => (
                  <li key={flow.to}>
                    <button type="button" class={`way ${kindOf(map, flow)}`} onClick={() => choose({ from: flow.from, to: flow.to })}>
                      <span class="name">
                        {flow.kind === "back" ? "↩" : "→"}
                        {"\u00a0"}
                        {stageName(map, speech, flow.to)}
                      </span>
                      <Bar share={flow.share} kind={kindOf(map, flow)} />
                      <span class="count">
                        {speech.number(flow.count)} · {speech.share(flow.share)}
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
      </dl>
    </article>
  );
}

function Felt({ stage }: { readonly stage: Stage }): JSX.Element | null {
  const { speech } = useReading();
  const felt = stage.feeling;
  if (felt === null) return null;
  const known = felt.low !== null;
  return (
    <span class="felt-line">
      <svg class="scale" viewBox="-6 0 212 14" role="img" aria-label={feelingWords(speech, labelOf(speech, stage), felt)}>
        <rect class="track" y="6" width="200" height="2" />
        {felt.low !== null && felt.high !== null && <rect class="interval" x={felt.low * 200} y="4.5" width={Math.max((felt.high - felt.low) * 200, 1)} height="5" />}
        <circle class={known ? "" : "guess"} cx={felt.level * 200} cy="7" r="5.5" {...(known ? { fill: feelingColour(felt.level) } : {})} />
      </svg>
      <span class="count">
        {speech.decimal(felt.mean)} · {speech.say("answers", { n: felt.count })}
      </span>
    </span>
  );
}
