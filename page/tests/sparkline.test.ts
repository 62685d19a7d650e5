import assert from "node:assert/strict";
import { test } from "node:test";
import { points } from "../src/sparkline.tsx";

const place = { x: 10, y: 0, width: 20, height: 8 };

test("the line goes from left to right, and its highest point is the most", () => {
  assert.deepEqual(points({ trend: [0, 4, 2], ...place }), [[10, 8], [20, 0], [30, 4]]);
});

test("a stage that nobody was in lies at the bottom", () => {
  assert.deepEqual(points({ trend: [0, 0], ...place }), [[10, 8], [30, 8]]);
});
