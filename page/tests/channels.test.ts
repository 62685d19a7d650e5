import assert from "node:assert/strict";
import { test } from "node:test";
import { channelsOf, onChannel } from "../src/channels.ts";
import type { JourneyMap } from "../src/model.ts";

const touchpoint = (type: string, channel: string | null, by_channel: Record<string, number>): object => ({
  type,
  channel,
  by_channel,
  count: Object.values(by_channel).reduce((sum, count) => sum + count, 0),
});
const map = {
  stages: [
    {
      id: "a",
      channels: [{ id: "web" }, { id: null }, { id: "shop" }],
      touchpoints: [touchpoint("view", "web", { web: 4 }), touchpoint("ask", null, { web: 2, shop: 3 }), touchpoint("pay", "shop", {})],
    },
    { id: "b", channels: [{ id: "shop" }, { id: "phone" }], touchpoints: [] },
  ],
} as unknown as JourneyMap;

test("channels are named once, and none for touchpoints without one", () => {
  assert.deepEqual(channelsOf(map).map((each) => each.id), ["web", "shop", "phone"]);
});

test("the map of a channel has its touchpoints, as often as they happen on it", () => {
  const [a, b] = onChannel(map, "shop").stages;
  assert.deepEqual(a?.touchpoints.map((each) => [each.type, each.count]), [["ask", 3], ["pay", 0]]);
  assert.deepEqual([a?.channels.map((each) => each.id), b?.channels.map((each) => each.id)], [["shop"], ["shop"]]);
});

test("without a channel nothing is left out", () => {
  assert.equal(onChannel(map, ""), map);
});
