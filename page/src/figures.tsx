// The same facts as plain tables.
import type { JSX } from "preact";
import { labelOf, stageName, useReading } from "./reading.ts";

export function FigureTables(): JSX.Element {
  const { map, speech } = useReading();
  const none = "–";
  return (
    <div class="tables">
      <div class="scroll" tabIndex={0} role="region" aria-label={speech.say("table_stages")}>
        <table>
          <caption>{speech.say("table_stages")}</caption>
          <thead>
            <tr>
              {["stage", "now_here", "entered", "left", map.part ? "came_first" : "reached", "median_stay", "promise", "onward", "lane_feeling", "column_answers"].map((key) => (
                <th key={key} scope="col">{speech.say(key)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {map.stages.map((stage) => (
              <tr key={stage.id}>
                <th scope="row">{labelOf(speech, stage)}</th>
                <td>{speech.number(stage.customers)}</td>
                <td>{speech.number(stage.entered)}</td>
                <td>{speech.number(stage.left)}</td>
                <td>{stage.reached === null ? none : speech.number(stage.reached)}</td>
                <td>{stage.stay.median_seconds === null ? none : speech.duration(stage.stay.median_seconds)}</td>
                <td>{stage.stay.promised_seconds === null ? none : speech.duration(stage.stay.promised_seconds)}</td>
                <td>{stage.onward === null ? none : speech.share(stage.onward.share)}</td>
                <td>{stage.feeling === null ? none : speech.decimal(stage.feeling.mean)}</td>
                <td>{stage.feeling === null ? none : speech.number(stage.feeling.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label={speech.say("table_ways")}>
        <table>
          <caption>{speech.say("table_ways")}</caption>
          <thead>
            <tr>
              {["from", "to", "moves", "of_those_who_left", "median_before", "rules"].map((key) => <th key={key} scope="col">{speech.say(key)}</th>)}
            </tr>
          </thead>
          <tbody>
            {map.flows.map((flow) => (
              <tr key={`${flow.from} ${flow.to}`}>
                <th scope="row">{stageName(map, speech, flow.from)}</th>
                <td class="text">{stageName(map, speech, flow.to)}</td>
                <td>{speech.number(flow.count)}</td>
                <td>{speech.share(flow.share)}</td>
                <td>{flow.median_seconds === null ? none : speech.duration(flow.median_seconds)}</td>
                <td class="text">{flow.rules.map((rule) => <p key={rule.id}>{speech.of(rule.sentence)}</p>)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
