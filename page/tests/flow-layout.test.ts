import assert from "node:assert/strict";
import { test } from "node:test";
import { layOut } from "../src/flow-layout.ts";
import type { Flow, FlowKind } from "../src/model.ts";

const flow = (from: string, to: string, kind: FlowKind, count: number): Flow => ({
  from, to, kind, count, share: 0, median_seconds: null, p90_seconds: null, causes: {}, rules: [], recent: [],
});
const size = { width: 800, columns: ["a", "b", "c", "d"] };
const ribbonOf = (layout: ReturnType<typeof layOut>, from: string, to: string) => {
  const found = layout.ribbons.find((each) => each.flow.from === from && each.flow.to === to);
  assert.ok(found, `${from} to ${to}`);
  return found;
};

test("a ribbon is as thick as many customers went", () => {
  const layout = layOut([flow("a", "b", "ideal", 1000), flow("c", "b", "back", 500), flow("d", "a", "back", 250)], size);
  const [most, half, quarter] = [ribbonOf(layout, "a", "b"), ribbonOf(layout, "c", "b"), ribbonOf(layout, "d", "a")];
  assert.equal(half.thickness, most.thickness / 2);
  assert.equal(quarter.thickness, most.thickness / 4);
});

test("what never happened is shown only where it is meant to", () => {
  const layout = layOut([flow("a", "b", "ideal", 0), flow("d", "a", "back", 0)], size);
  assert.deepEqual(layout.ribbons.map((each) => each.flow.to), ["b"]);
});

test("ways back lie below the stages, long ways forward above, and steps between", () => {
  const layout = layOut([flow("a", "b", "ideal", 9), flow("a", "d", "forward", 9), flow("d", "b", "back", 9)], size);
  const plate = layout.plates[0];
  assert.ok(plate);
  assert.ok(ribbonOf(layout, "a", "d").label.y < plate.y);
  assert.ok(ribbonOf(layout, "d", "b").label.y > plate.y + plate.height);
  assert.ok(layout.height > plate.y + plate.height);
});

test("ways that overlap share no level, so that no label covers another", () => {
  const back = [flow("b", "a", "back", 10), flow("c", "a", "back", 10), flow("d", "a", "back", 10), flow("d", "c", "back", 10)];
  const layout = layOut(back, size);
  const levels = back.map((each) => ribbonOf(layout, each.from, each.to).label.y);
  assert.equal(new Set([levels[0], levels[1], levels[2]]).size, 3);
  assert.equal(levels[3], levels[0], "two that do not overlap share one");
});

test("no label lies outside the drawing", () => {
  const layout = layOut([flow("a", "c", "forward", 90), flow("b", "d", "forward", 90), flow("d", "a", "back", 90)], size);
  for (const { label } of layout.ribbons) assert.ok(label.y >= 11 && label.y <= layout.height, String(label.y));
});

test("no two ways begin or end at the same place of a stage", () => {
  const layout = layOut([flow("b", "a", "back", 300), flow("c", "a", "back", 200), flow("d", "a", "back", 100)], size);
  const tips = layout.ribbons.map((each) => each.tip.x);
  assert.equal(new Set(tips).size, tips.length);
  const plate = layout.plates[0];
  assert.ok(plate);
  for (const tip of tips) assert.ok(tip > plate.x && tip < plate.x + plate.width);
});

test("stages that the map does not have are left out", () => {
  assert.deepEqual(layOut([flow("a", "gone", "forward", 5)], size).ribbons, []);
});
