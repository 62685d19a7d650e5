// The ribbons, which show how many customers went which way.
import type { JSX } from "preact";
import { layOut } from "./flow-layout.ts";
import type { Flow } from "./model.ts";
import { isChosen, isCounted, kindOf, stageName, useReading } from "./reading.ts";
import { Sparkline } from "./sparkline.tsx";

/** Everything about a way in one line. */
export function flowWords(reading: ReturnType<typeof useReading>, flow: Flow): string {
  const { map, speech } = reading;
  const facts = speech.say("flow", {
    from: stageName(map, speech, flow.from),
    to: stageName(map, speech, flow.to),
    count: speech.number(flow.count),
    share: speech.share(flow.share),
  });
  return flow.median_seconds === null ? facts : `${facts}, ${speech.say("after", { what: speech.duration(flow.median_seconds) })}`;
}

function onKey(act: () => void): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      act();
    }
  };
}

export function Flows({ width }: { readonly width: number }): JSX.Element {
  const reading = useReading();
  const { map, speech, chosen, choose } = reading;
  const layout = layOut(map.flows, { width, columns: map.stages.map((stage) => stage.id) });
  const counted = isCounted(map);
  // The thickest first, so that it never hides a thin one.
  const ribbons = [...layout.ribbons].sort((one, other) => other.thickness - one.thickness);
  return (
    <svg class="flows" width={width} height={layout.height} viewBox={`0 0 ${width} ${layout.height}`} role="group" aria-label={speech.say("ways")}>
      {ribbons.map(({ flow, path, thickness, tip }) => {
        const it = { from: flow.from, to: flow.to };
        const act = (): void => choose(isChosen(chosen, it) ? null : it);
        return (
          <g
            key={`${flow.from} ${flow.to}`}
            class={`ribbon ${kindOf(map, flow)} ${flow.count === 0 ? "unused" : ""}`}
            role="button"
            tabindex={0}
            aria-pressed={isChosen(chosen, it)}
            aria-label={flowWords(reading, flow)}
            onClick={act}
            onKeyDown={onKey(act)}
          >
            <title>{flowWords(reading, flow)}</title>
            <path class="reach" d={path} stroke-width={Math.max(thickness, 14)} />
            <path class="body" d={path} stroke-width={thickness} />
            <path class="tip" d="M-7-4.5L0 0L-7 4.5Z" transform={`translate(${tip.x} ${tip.y}) rotate(${tip.angle})`} />
          </g>
        );
      })}
      {/* Above all ribbons, so that none hides a label. */}
      {ribbons.map(({ flow, label }) => {
        const it = { from: flow.from, to: flow.to };
        const isIt = isChosen(chosen, it);
        return (
          <text key={`${flow.from} ${flow.to}`} class={isIt ? "label chosen" : "label"} x={label.x} y={label.y} aria-hidden="true" onClick={() => choose(isIt ? null : it)}>
            {flow.count === 0 ? (counted ? speech.number(0) : "") : `${speech.number(flow.count)} · ${speech.share(flow.share)}${flow.median_seconds === null ? "" : ` · ${speech.briefly(flow.median_seconds)}`}`}
          </text>
        );
      })}
      {layout.plates.map((plate) => {
        const stage = map.stages.find((each) => each.id === plate.stage);
        if (stage === undefined) return null;
        const it = { stage: stage.id };
        const act = (): void => choose(isChosen(chosen, it) ? null : it);
        const words = speech.say("plate", { stage: stageName(map, speech, stage.id), n: stage.customers, share: speech.share(stage.share) });
        return (
          <g class={`plate ${stage.on_ideal_way || map.ideal.length === 0 ? "" : "off"}`} role="button" tabindex={0} aria-pressed={isChosen(chosen, it)} aria-label={words} onClick={act} onKeyDown={onKey(act)}>
            <title>{words}</title>
            <rect x={plate.x} y={plate.y} width={plate.width} height={plate.height} rx="6" />
            {counted && <Sparkline trend={stage.trend} x={plate.x + 7} y={plate.y + plate.height - 14} width={plate.width - 14} height={11} />}
            {counted && <text class="figure" x={plate.x + plate.width / 2} y={plate.y + 18}>{speech.number(stage.customers)}</text>}
            {counted && <text class="small" x={plate.x + plate.width / 2} y={plate.y + 31}>{speech.share(stage.share)}</text>}
          </g>
        );
      })}
    </svg>
  );
}
