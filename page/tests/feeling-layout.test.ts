import assert from "node:assert/strict";
import { test } from "node:test";
import { layOutFeeling } from "../src/feeling-layout.ts";
import type { Feeling, Stage } from "../src/model.ts";

const stage = (id: string, feeling: Feeling | null): Stage => ({ id, feeling }) as Stage;
const known = (level: number): Feeling => ({ count: 50, mean: 0, level, low: level - 0.05, high: level + 0.05 });

test("the better customers feel, the higher the curve", () => {
  const { points, curves } = layOutFeeling([stage("a", known(0.9)), stage("b", known(0.2))], 400, 100);
  assert.ok((points[0]?.y ?? 0) < (points[1]?.y ?? 0));
  assert.equal(curves.length, 1);
  assert.notEqual(points[0]?.colour, points[1]?.colour);
});

test("a guess has a place but no interval, and the curve does not run through it", () => {
  const guess: Feeling = { count: 2, mean: 0, level: 0.5, low: null, high: null };
  const { points, curves } = layOutFeeling([stage("a", known(0.9)), stage("b", guess), stage("c", known(0.8))], 600, 100);
  assert.deepEqual(points.map((point) => point.known), [true, false, true]);
  assert.deepEqual(curves, []);
});

test("the curve does not bridge a stage of which nobody has said anything", () => {
  const stages = [stage("a", known(0.9)), stage("b", known(0.8)), stage("c", null), stage("d", known(0.7)), stage("e", known(0.6))];
  assert.equal(layOutFeeling(stages, 1000, 100).curves.length, 2);
});
