import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flow, JourneyMap } from "../src/model.ts";
import { campaignName, kindOf } from "../src/reading.ts";
import { Speech } from "../src/words.ts";

const map = { ideal: [], campaigns: [{ id: "come-back", label: { en: "Come back", es: "Vuelve" } }] } as unknown as JourneyMap;
const spanish = new Speech({ code: "es", name: "Español", page: {} });

test("a campaign is called what people call it, and by its id once it is gone", () => {
  assert.equal(campaignName(map, spanish, "come-back"), "Vuelve");
  assert.equal(campaignName(map, spanish, "gone"), "gone");
});

test("there are shortcuts only along an ideal way", () => {
  const forward = { kind: "forward" } as Flow;
  assert.equal(kindOf(map, forward), "onward");
  assert.equal(kindOf({ ...map, ideal: ["a", "b"] }, forward), "forward");
  assert.equal(kindOf(map, { kind: "back" } as Flow), "back");
});
