// The name of a lane, and what one has to know to read it.
import type { JSX } from "preact";
import { useReading } from "./reading.ts";

/** Lanes with figures that are never counted by channel. */
const OF_ALL_CHANNELS = new Set(["ways", "feeling", "stay", "campaigns"]);

export function LaneName({ lane, as: Tag }: { readonly lane: string; readonly as: "th" | "dt" }): JSX.Element {
  const { map, speech, channel } = useReading();
  const [worst, best] = lane === "feeling" ? (map.feeling_scale ?? []) : [];
  return (
    <Tag {...(Tag === "th" ? { scope: "row" } : {})}>
      {speech.say(`lane_${lane}`)}
      {worst !== undefined && best !== undefined && <span class="hint">{speech.say("feeling_scale", { worst: speech.decimal(worst), best: speech.decimal(best) })}</span>}
      {channel !== "" && OF_ALL_CHANNELS.has(lane) && <span class="hint">{speech.say("channel_all")}</span>}
    </Tag>
  );
}
