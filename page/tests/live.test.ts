import assert from "node:assert/strict";
import { test } from "node:test";
import { withFigures } from "../src/live.ts";
import type { JourneyMap } from "../src/model.ts";

const map = {
  customers: 3,
  stages: [{ id: "a", customers: 3, new: 2 }, { id: "b", customers: 0, new: 0 }],
  flows: [{ from: "a", to: "b", count: 1, share: 1 }, { from: "a", to: "c", count: 0, share: 0 }],
} as unknown as JourneyMap;

test("figures change counts and shares, and nothing else", () => {
  const shown = withFigures(map, { stages: { a: 1, b: 3 }, flows: [["a", "b", 6], ["a", "c", 2]] });
  assert.equal(shown.customers, 4);
  assert.deepEqual(shown.stages.map((stage) => [stage.customers, stage.share, stage.left, stage.entered]), [[1, 0.25, 8, 2], [3, 0.75, 0, 6]]);
  assert.deepEqual(shown.flows.map((flow) => [flow.count, flow.share]), [[6, 0.75], [2, 0.25]]);
});

test("what the server does not name is at nothing", () => {
  const shown = withFigures(map, { stages: {}, flows: [] });
  assert.deepEqual([shown.customers, shown.stages[0]?.share, shown.flows[0]?.count], [0, 0, 0]);
});
