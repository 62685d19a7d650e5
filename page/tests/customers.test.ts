import assert from "node:assert/strict";
import { test } from "node:test";
import { type Customer, eventsOf, refusalOf, storyOf } from "../src/customers.ts";

const CUSTOMER = { customer_id: "a/b", stage: "buyer", label: {}, since: "2026-11-21T12:00:00Z", changes: [], first_at: "2026-11-21T12:00:00Z", triggers: [] };
const WHY = { version: 1, judged_at: "2026-11-21T12:30:00Z", stage: "buyer", foreseen: [], held: [], goals: [], rules: [], carried_over: null };

function server(answer: (address: string) => Response): { readonly asked: [string, string | null][]; readonly ask: typeof fetch } {
  const asked: [string, string | null][] = [];
  const ask = async (address: string | URL | Request, given?: RequestInit): Promise<Response> => {
    asked.push([String(address), new Headers(given?.headers).get("Authorization")]);
    return answer(String(address));
  };
  return { asked, ask };
}

test("a story is asked for by id, and no address holds the token", async () => {
  const { asked, ask } = server((address) => Response.json(address.endsWith("/why") ? WHY : CUSTOMER));
  assert.deepEqual(await storyOf("a/b", "s3cret", ask), { customer: CUSTOMER, why: WHY });
  assert.deepEqual(asked, [
    ["/v1/customers/a%2Fb", "Bearer s3cret"],
    ["/v1/customers/a%2Fb/why", "Bearer s3cret"],
  ]);
});

test("every refusal has words of its own, and those that pass say when to ask again", async () => {
  assert.deepEqual([401, 403, 404, 503].map((status) => refusalOf(status, null).refused), ["token_wrong", "no_token_set", "unknown_customer", "not_now"]);
  const { ask } = server((address) => (address.endsWith("/why") ? new Response("", { status: 429, headers: { "Retry-After": "7" } }) : Response.json(CUSTOMER)));
  assert.deepEqual(await storyOf("a", "t", ask), { refused: "too_many", seconds: 7 });
});

test("a server that does not answer is said to, and half a character is nobody's id", async () => {
  const { asked, ask } = server(() => {
    throw new TypeError("no network");
  });
  assert.deepEqual(await storyOf("a", "t", ask), { refused: "no_server", seconds: 1 });
  assert.equal(asked.length, 1);
  assert.deepEqual(await storyOf("\ud800", "t", ask), { refused: "unknown_customer", seconds: 1 });
  assert.equal(asked.length, 1);
});

test("moves, triggers and the first touchpoint are told in one order, the newest first", () => {
  const at = (minute: number): string => `2026-11-21T12:0${minute}:00Z`;
  const told = eventsOf({
    ...CUSTOMER,
    first_at: at(0),
    changes: [{ to: "new", at: at(0), rule: null }, { to: "buyer", at: at(3), rule: "buys" }],
    triggers: [{ campaign: "hello", at: at(0) }, { campaign: "thanks", at: at(5) }],
  } as Customer);
  assert.deepEqual(told.map((each) => ("change" in each ? each.change.to : "campaign" in each ? each.campaign : "first")), ["thanks", "buyer", "hello", "new", "first"]);
});
