// What the figures say: how many customers follow the ideal path, where the others leave it, and which stages stand out.
import type { JSX } from "preact";
import type { Detour, Extreme, JourneyMap } from "./model.ts";
import { isCounted, stageName, useReading } from "./reading.ts";

const DETOURS = 3;

export function Findings(): JSX.Element {
  const { map, speech, choose, channel } = useReading();
  const { way } = map;
  const detours = way === null ? [] : way.detours;
  return (
    <section class="findings" aria-label={speech.say("findings")}>
      {channel !== "" && <p class="hint">{speech.say("channel_all")}</p>}
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
      {detours.length > 0 && (
        <div class="detours">
          <h2>{speech.say("detours")}</h2>
          <ol>
            {detours.slice(0, DETOURS).map((each) => (
              <li key={`${each.from} ${each.to}`}>
                <button type="button" onClick={() => choose({ from: each.from, to: each.to })}>
                  {stageName(map, speech, each.from)} → {stageName(map, speech, each.to)}
                </button>{" "}
                <span class="small">
                  {detourWords(speech, each)}
                  {Object.keys(each.rules).length > 0 && <> · <code title={sentenceOf(map, speech, mostFrequent(each.rules))}>{mostFrequent(each.rules)}</code></>}
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

/** As it is shown: with one decimal only where that matters. */
export function daysLost(detour: Detour): number {
  return detour.days_lost < 10 ? Math.round(10 * detour.days_lost) / 10 : Math.round(detour.days_lost);
}

/** In a part of the time it is not known how many different customers they were, but how often they left the way. */
function detourWords(speech: ReturnType<typeof useReading>["speech"], detour: Detour): string {
  const days = speech.say("days_lost_there", { n: daysLost(detour) });
  if (detour.customers === null) return `${speech.say("detour_times", { n: detour.times })}; ${days}`;
  return `${speech.say("detour", { n: detour.customers, share: speech.share(detour.share ?? 0) })}; ${days}`;
}

/** What a rule says, for those to whom its id says nothing. */
function sentenceOf(map: JourneyMap, speech: ReturnType<typeof useReading>["speech"], id: string): string {
  const rule = map.flows.flatMap((flow) => flow.rules).find((each) => each.id === id);
  return rule === undefined ? id : speech.of(rule.sentence, id);
}

function mostFrequent(rules: Readonly<Record<string, number>>): string {
  return Object.entries(rules).sort((one, other) => other[1] - one[1])[0]?.[0] ?? "";
}

export function extremeWords(speech: ReturnType<typeof useReading>["speech"], extreme: Extreme): string {
  const tell = extreme.measure === "stay" ? (value: number) => speech.duration(value) : (value: number) => speech.share(value);
  return speech.say(`extreme_${extreme.measure}`, { value: tell(extreme.value), beside: tell(extreme.beside) });
}
