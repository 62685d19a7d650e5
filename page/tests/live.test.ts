import assert from "node:assert/strict";
import { test } from "node:test";
import { mapAddress, withFigures } from "../src/live.ts";
import type { JourneyMap } from "../src/model.ts";

const map = { customers: 3, stages: [{ id: "a", customers: 3, trend: [1, 3], entered: 9 }, { id: "b", customers: 0, trend: [], entered: 1 }], flows: [] } as unknown as JourneyMap;

test("figures change who is where, and nothing else", () => {
  const shown = withFigures(map, { stages: { a: 1, b: 3 } });
  assert.equal(shown.customers, 4);
  assert.deepEqual(shown.stages, [{ id: "a", customers: 1, share: 0.25, trend: [1, 1], entered: 9 }, { id: "b", customers: 3, share: 0.75, trend: [], entered: 1 }]);
});

test("what the server does not name is at nothing", () => {
  const shown = withFigures(map, { stages: {} });
  assert.deepEqual([shown.customers, shown.stages[0]?.share], [0, 0]);
});

test("a persona and a period are asked for", () => {
  const now = new Date("2026-11-29T10:00:00Z");
  assert.equal(mapAddress("", null, now), "/v1/map");
  assert.equal(mapAddress("the best", 7, now), "/v1/map?persona=the+best&from=2026-11-22");
});
