// What the figures say: how many customers follow the ideal path, where the others leave it, and which stages stand out.
import type { JSX } from "preact";
import type { Extreme, Flow, JourneyMap } from "./model.ts";
import { isCounted, stageName, useReading } from "./reading.ts";

const DETOURS = 3;

export function Findings(): JSX.Element {
  const { map, speech, choose } = useReading();
  const { way } = map;
  const detours = way === null ? null : way.detours;
  return (
    <section class="findings" aria-label={speech.say("findings")}>
      {way !== null && (
        <div class="ideal">
          <h2>{speech.say("ideal_way")}</h2>
          <p>
            <strong class="figure">{speech.share(way.share)}</strong> {speech.say("go_ideal", { n: way.on_way, of: speech.number(way.customers) })}
          </p>
          {way.conformance !== null && <p class="small">{speech.say("conformance", { what: speech.share(way.conformance) })}</p>}
        </div>
      )}
      {way === null && map.ideal.length > 0 && isCounted(map) && (
        <div class="ideal">
          <h2>{speech.say("ideal_way")}</h2>
          <p class="small">{speech.say("ways_unknown")}</p>
        </div>
      )}
      {detours === null && offTheWay(map).length > 0 && (
        <div class="detours">
          <h2>{speech.say("detours")}</h2>
          <ol>
            {offTheWay(map).slice(0, DETOURS).map((each) => (
              <li key={`${each.from} ${each.to}`}>
                <button type="button" onClick={() => choose({ from: each.from, to: each.to })}>
                  {stageName(map, speech, each.from)} → {stageName(map, speech, each.to)}
                </button>{" "}
                <span class="small">{speech.say("moves_off", { n: each.count, share: speech.share(each.share) })}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
      {detours !== null && detours.length > 0 && (
        <div class="detours">
          <h2>{speech.say("detours")}</h2>
          <ol>
            {detours.slice(0, DETOURS).map((each) => (
              <li key={`${each.from} ${each.to}`}>
                <button type="button" onClick={() => choose({ from: each.from, to: each.to })}>
                  {stageName(map, speech, each.from)} → {stageName(map, speech, each.to)}
                </button>{" "}
                <span class="small">
                  {speech.say("detour", { n: each.customers, share: speech.share(each.share), days: speech.number(each.days_lost) })}
                  {Object.keys(each.rules).length > 0 && <> · <code>{mostFrequent(each.rules)}</code></>}
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
      {(["worst", "best"] as const).map((side) => {
        const found = map.extremes.filter((each) => each.side === side);
        if (found.length === 0) return null;
        return (
          <div key={side} class={side}>
            <h2>{speech.say(side)}</h2>
            <ol>
              {found.map((each) => (
                <li key={`${each.stage} ${each.measure}`}>
                  <button type="button" onClick={() => choose({ stage: each.stage })}>{stageName(map, speech, each.stage)}</button>{" "}
                  <span class="small">{extremeWords(speech, each)}</span>
                </li>
              ))}
            </ol>
          </div>
        );
      })}
    </section>
  );
}

/** Moves from a stage of the ideal way off it or back along it, most frequent first: what is known of detours without single customers. */
export function offTheWay(map: JourneyMap): readonly Flow[] {
  return map.flows
    .filter((flow) => flow.count > 0 && map.ideal.includes(flow.from) && (flow.kind === "back" || flow.kind === "aside"))
    .sort((one, other) => other.count - one.count);
}

function mostFrequent(rules: Readonly<Record<string, number>>): string {
  return Object.entries(rules).sort((one, other) => other[1] - one[1])[0]?.[0] ?? "";
}

export function extremeWords(speech: ReturnType<typeof useReading>["speech"], extreme: Extreme): string {
  const tell = extreme.measure === "stay" ? (value: number) => speech.duration(value) : (value: number) => speech.share(value);
  return speech.say(`extreme_${extreme.measure}`, { value: tell(extreme.value), beside: tell(extreme.beside) });
}
