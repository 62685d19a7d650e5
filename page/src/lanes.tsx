// The map on a wide screen: a table whose columns are stages and whose rows are lanes.
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { LANES } from "./cells.tsx";
import { FeelingLane } from "./feeling.tsx";
import { Flows } from "./flows.tsx";
import { LaneName } from "./lane-name.tsx";
import { PAPER_WIDTH, isPrinting } from "./paper.ts";
import { isChosen, labelOf, useReading } from "./reading.ts";

const LABELS = 118;
/** After these the map may have another width. */
const CHANGES = ["resize", "beforeprint", "afterprint"];

export function Lanes(): JSX.Element {
  const { map, speech, chosen, choose } = useReading();
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1240);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(Math.max((isPrinting() ? PAPER_WIDTH : element.clientWidth) - LABELS, map.stages.length * 118));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    for (const change of CHANGES) addEventListener(change, measure);
    return () => {
      observer.disconnect();
      for (const change of CHANGES) removeEventListener(change, measure);
    };
  }, [map.stages.length]);
  const lanes = LANES.filter((lane) => (lane.key === "campaigns" ? map.campaigns.length > 0 : map.stages.some(lane.has)));
  const named = map.phases.some((phase) => phase.id !== null);
  return (
    <div class="lanes" ref={box}>
      <table>
        <caption class="unseen">{speech.say("caption")}</caption>
        <colgroup>
          <col class="labels" />
          {map.stages.map((stage) => <col key={stage.id} />)}
        </colgroup>
        <thead>
          {named && (
            <tr class="phases">
              <td />
              {map.phases.map((phase) => (
                <th key={phase.stages[0]} scope="colgroup" colSpan={phase.stages.length}>
                  {speech.of(phase.label, phase.id ?? "")}
                </th>
              ))}
            </tr>
          )}
          <tr class="stages">
            <td />
            {map.stages.map((stage) => {
              const it = { stage: stage.id };
              return (
                <th key={stage.id} scope="col" class={isChosen(chosen, it) ? "chosen" : ""}>
                  <button type="button" aria-pressed={isChosen(chosen, it)} onClick={() => choose(isChosen(chosen, it) ? null : it)}>
                    {labelOf(speech, stage)}
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          <tr class="lane ways">
            <LaneName lane="ways" as="th" />
            <td colSpan={map.stages.length}>
              <Flows width={width} />
            </td>
          </tr>
          {lanes.map(({ key, Cell }) => (
            <tr key={key} class={`lane ${key}`}>
              <LaneName lane={key} as="th" />
              {key === "feeling" ? (
                <td colSpan={map.stages.length}>
                  <FeelingLane width={width} />
                </td>
              ) : (
                map.stages.map((stage) => (
                  <td key={stage.id} class={isChosen(chosen, { stage: stage.id }) ? "chosen" : ""}>
                    <Cell stage={stage} />
                  </td>
                ))
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
