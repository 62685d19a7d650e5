// The panel beside the map, with everything about one stage or one way.
import type { JSX } from "preact";
import { Aside } from "./aside.tsx";
import { Bar, LANES } from "./cells.tsx";
import { feelingWords } from "./feeling.tsx";
import { daysLost } from "./findings.tsx";
import { LatestMoves } from "./latest-moves.tsx";
import type { Flow, Rule, Stage } from "./model.ts";
import { kindOf, labelOf, stageName, useReading } from "./reading.ts";
import { Reasons } from "./reasons.tsx";
import { StageCustomers } from "./stage-customers.tsx";

export function Panel(): JSX.Element | null {
  const { map, speech, chosen, choose } = useReading();
  const key = chosen === null ? "" : "stage" in chosen ? chosen.stage : `${chosen.from} ${chosen.to}`;
  if (chosen === null) return null;
  const stage = "stage" in chosen ? map.stages.find((each) => each.id === chosen.stage) : undefined;
  const flow = "from" in chosen ? map.flows.find((each) => each.from === chosen.from && each.to === chosen.to) : undefined;
  const title = stage !== undefined ? labelOf(speech, stage) : flow !== undefined ? `${stageName(map, speech, flow.from)} → ${stageName(map, speech, flow.to)}` : "";
  return (
    <Aside about={key} title={title} close={() => choose(null)}>
      {stage !== undefined && <OfStage stage={stage} />}
      {flow !== undefined && <OfFlow flow={flow} />}
    </Aside>
  );
}

function OfStage({ stage }: { readonly stage: Stage }): JSX.Element {
  const { map, speech, find } = useReading();
  const out = map.flows.filter((flow) => flow.from === stage.id);
  const into = map.flows.filter((flow) => flow.to === stage.id);
  return (
    <>
      <dl class="facts">
        <Fact name={speech.say("now_here")} value={`${speech.number(stage.customers)} · ${speech.share(stage.share)}`} />
        <Fact name={speech.say("entered")} value={speech.number(stage.entered)} />
        <Fact name={speech.say("left")} value={speech.number(stage.left)} />
        {stage.reached !== null && <Fact name={speech.say(map.part ? "came_first" : "reached")} value={speech.number(stage.reached)} />}
        {stage.stay.median_seconds !== null && <Fact name={speech.say("median_stay")} value={speech.duration(stage.stay.median_seconds)} />}
        {stage.stay.p90_seconds !== null && <Fact name={speech.say("nine_of_ten")} value={speech.duration(stage.stay.p90_seconds)} />}
      </dl>
      {find !== null && <StageCustomers stage={stage} find={find} />}
      {find !== null && <LatestMoves from={null} to={stage.id} find={find} />}
      {stage.stay.histogram.length > 0 && (
        <section>
          <h3>{speech.say("stays")}</h3>
          <Histogram stage={stage} />
        </section>
      )}
      {LANES.filter((lane) => lane.has(stage) && lane.key !== "stay").map(({ key, Cell }) => (
        <section key={key} class={key}>
          {key === "feeling" ? (
            <>
              <h3>{speech.say("lane_feeling")}</h3>
              <p>{feelingWords(speech, labelOf(speech, stage), stage.feeling)}</p>
            </>
          ) : (
            (key !== "campaigns" || map.campaigns.some((each) => each.stages.includes(stage.id))) && (
              <>
                <h3>{speech.say(`lane_${key}`)}</h3>
                <Cell stage={stage} whole />
              </>
            )
          )}
        </section>
      ))}
      <Ways title={speech.say("ways_out")} flows={out} other="to" />
      <Ways title={speech.say("ways_in")} flows={into} other="from" />
    </>
  );
}

function Ways({ title, flows, other }: { readonly title: string; readonly flows: readonly Flow[]; readonly other: "from" | "to" }): JSX.Element | null {
  const { map, speech, choose } = useReading();
  if (flows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul class="few">
        {[...flows].sort((one, two) => two.count - one.count).map((flow) => (
          <li key={flow[other]}>
            <button type="button" class={`way ${kindOf(map, flow)}`} onClick={() => choose({ from: flow.from, to: flow.to })}>
              <span class="name">{stageName(map, speech, flow[other])}</span>
              <Bar share={flow.share} kind={kindOf(map, flow)} />
              <span class="count">{speech.number(flow.count)} · {speech.share(flow.share)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function OfFlow({ flow }: { readonly flow: Flow }): JSX.Element {
  const { map, speech, find } = useReading();
  const target = map.stages.find((each) => each.id === flow.to);
  const detour = map.way?.detours.find((each) => each.from === flow.from && each.to === flow.to);
  return (
    <>
      <p class={`kind ${kindOf(map, flow)}`}>{speech.say(`kind_${kindOf(map, flow)}`)}</p>
      <dl class="facts">
        <Fact name={speech.say("moves")} value={speech.number(flow.count)} />
        <Fact name={speech.say("of_those_who_left")} value={speech.share(flow.share)} />
        {flow.median_seconds !== null && <Fact name={speech.say("median_before")} value={speech.duration(flow.median_seconds)} />}
        {flow.p90_seconds !== null && <Fact name={speech.say("nine_of_ten")} value={speech.duration(flow.p90_seconds)} />}
        {Object.entries(flow.causes).map(([cause, count]) => <Fact key={cause} name={speech.say(`cause_${cause}`)} value={speech.number(count)} />)}
        {detour !== undefined && (
          <>
            {detour.customers === null
              ? <Fact name={speech.say("detour_began")} value={speech.say("detour_times", { n: detour.times })} />
              : <Fact name={speech.say("detour_customers")} value={`${speech.number(detour.customers)} · ${speech.share(detour.share ?? 0)}`} />}
            <Fact name={speech.say("days_lost")} value={speech.decimal(daysLost(detour))} />
          </>
        )}
      </dl>
      {flow.rules.length > 0 && (
        <section>
          <h3>{speech.say("rules")}</h3>
          {flow.rules.map((rule) => <OneRule key={rule.id} rule={rule} of={flow.count} />)}
        </section>
      )}
      {find === null ? <Recent flow={flow} /> : <LatestMoves from={flow.from} to={flow.to} find={find} />}
      {find !== null && target !== undefined && <StageCustomers stage={target} from={flow.from} find={find} />}
    </>
  );
}

/** The latest moves and their reasons: whose they were, a map of files does not say. */
function Recent({ flow }: { readonly flow: Flow }): JSX.Element | null {
  const { speech } = useReading();
  if (flow.recent.length === 0) return null;
  return (
    <section>
      <h3>{speech.say("recent")}</h3>
      <ol class="story">
        {flow.recent.map((move, index) => (
          <li key={index}>
            <time dateTime={move.at} class="small">{speech.moment(move.at)}</time>
            <Reasons because={move.because} rule={move.rule} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function OneRule({ rule, of }: { readonly rule: Rule; readonly of: number }): JSX.Element {
  const { speech } = useReading();
  return (
    <div class="rule">
      <p>{speech.of(rule.sentence)}</p>
      <p class="small">
        <code>{rule.id}</code>
        {rule.count !== null && ` · ${speech.number(rule.count)}${of > 0 ? ` · ${speech.share(rule.count / of)}` : ""}`}
      </p>
      <details>
        <summary>{speech.say("code")}</summary>
        <code>{rule.code}</code>
      </details>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const BARS = 24;

/** Lengths of stays on a logarithmic scale, in a few bars. */
function Histogram({ stage }: { readonly stage: Stage }): JSX.Element {
  const { speech } = useReading();
  const pieces = stage.stay.histogram;
  const first = Math.log(Math.max(1, pieces[0]?.at_least_seconds ?? 1));
  const last = Math.log(Math.max(2, pieces[pieces.length - 1]?.below_seconds ?? 2));
  const bars = new Array<number>(BARS).fill(0);
  const placeOf = (seconds: number): number => Math.min(BARS - 1, Math.max(0, Math.floor(((Math.log(Math.max(1, seconds)) - first) / (last - first || 1)) * BARS)));
  for (const piece of pieces) {
    const index = placeOf((piece.at_least_seconds + piece.below_seconds) / 2);
    bars[index] = (bars[index] ?? 0) + piece.count;
  }
  const most = Math.max(1, ...bars);
  const promised = stage.stay.promised_seconds;
  return (
    <figure class="histogram">
      <svg viewBox={`0 0 ${BARS * 10} 60`} preserveAspectRatio="none" role="img" aria-label={speech.say("stays")}>
        {bars.map((count, index) => <rect key={index} x={index * 10 + 1} width="8" y={60 - (count / most) * 56} height={(count / most) * 56} />)}
        {promised !== null && promised > 0 && <line class="tick" x1={((Math.log(promised) - first) / (last - first || 1)) * BARS * 10} x2={((Math.log(promised) - first) / (last - first || 1)) * BARS * 10} y1="0" y2="60" />}
      </svg>
      <figcaption>
        <span>{speech.duration(Math.exp(first))}</span>
        {promised !== null && <span>{speech.say("promised", { what: speech.duration(promised) })}</span>}
        <span>{speech.duration(Math.exp(last))}</span>
      </figcaption>
    </figure>
  );
}
