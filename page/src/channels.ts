// The map of one channel. Only touchpoints are counted by channel, so everything else stays as it is.
import type { Channel, JourneyMap, Touchpoint } from "./model.ts";

/** All channels of the map, in the order in which stages name them. */
export function channelsOf(map: JourneyMap): readonly Channel[] {
  const found = new Map<string, Channel>();
  for (const stage of map.stages) {
    for (const channel of stage.channels) if (channel.id !== null && !found.has(channel.id)) found.set(channel.id, channel);
  }
  return [...found.values()];
}

/** The map with the touchpoints of one channel; `""` means all channels. */
export function onChannel(map: JourneyMap, channel: string): JourneyMap {
  if (channel === "") return map;
  return {
    ...map,
    stages: map.stages.map((stage) => ({
      ...stage,
      channels: stage.channels.filter((each) => each.id === channel),
      touchpoints: stage.touchpoints.flatMap((each) => ofChannel(each, channel)),
    })),
  };
}

function ofChannel(touchpoint: Touchpoint, channel: string): readonly Touchpoint[] {
  const count = touchpoint.by_channel[channel] ?? 0;
  if (touchpoint.channel !== channel && count === 0) return [];
  return [{ ...touchpoint, count: touchpoint.count === null ? null : count }];
}
