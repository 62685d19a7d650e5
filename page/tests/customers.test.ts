import assert from "node:assert/strict";
import { test } from "node:test";
import { customersIn, latestMoves, type Customer, eventsOf, refusalOf, storyOf } from "../src/customers.ts";

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

const page = (names: readonly string[], next: string | null): Response => Response.json({ customers: names.map((customer_id) => ({ customer_id })), next });

test("answers that name nobody are read on from, until there is somebody or the end", async () => {
  const asked: string[] = [];
  const answers = [page([], "0-7"), page([], "1-0"), page(["ana"], "1-9")];
  const found = await customersIn("a/b", null, null, "t", async (address) => {
    asked.push(String(address));
    return answers.shift() as Response;
  });
  assert.deepEqual(asked, ["/v1/stages/a%2Fb/customers", "/v1/stages/a%2Fb/customers?after=0-7", "/v1/stages/a%2Fb/customers?after=1-0"]);
  assert.deepEqual(found, { customers: [{ customer_id: "ana" }], next: "1-9" });
});

test("a stage that has nobody for long is not asked for without end", async () => {
  let asked = 0;
  const found = await customersIn("a", null, "0-1", "t", async () => {
    asked += 1;
    return page([], "0-2");
  });
  assert.equal(asked, 21);
  assert.deepEqual(found, { customers: [], next: "0-2" });
});

test("a stage's customers are refused like a single one", async () => {
  assert.deepEqual(await customersIn("a", null, null, "t", async () => new Response("", { status: 401 })), { refused: "token_wrong", seconds: 1 });
  assert.deepEqual(await customersIn("a", null, null, "t", () => Promise.reject(new TypeError("gone"))), { refused: "no_server", seconds: 1 });
});

test("of those who came from one stage the others are passed over", async () => {
  const came = (customer_id: string, from: string): object => ({ customer_id, from });
  const answers = [
    Response.json({ customers: [came("ana", "x")], next: "0-7" }),
    Response.json({ customers: [came("bea", "x"), came("eva", "y")], next: null }),
  ];
  const found = await customersIn("a", "y", null, "t", async () => answers.shift() as Response);
  assert.deepEqual(found, { customers: [{ customer_id: "eva", from: "y" }], next: null });
});

test("the latest moves are asked for by both stages, with the token in a header only", async () => {
  const asked: [string, string][] = [];
  const found = await latestMoves("a/b", "c&d", "t0ken", async (address, init) => {
    asked.push([String(address), new Headers(init?.headers).get("Authorization") ?? ""]);
    return Response.json({ moves: [], looked_at: 7, since: "2026-11-21T12:00:00Z" });
  });
  assert.deepEqual(asked, [["/v1/moves?from=a%2Fb&to=c%26d", "Bearer t0ken"]]);
  assert.deepEqual(found, { moves: [], looked_at: 7, since: "2026-11-21T12:00:00Z" });
});

test("moves from any stage name no stage, and are refused like a customer", async () => {
  const asked: string[] = [];
  const refused = await latestMoves(null, "a", "t", async (address) => {
    asked.push(String(address));
    return new Response("", { status: 503, headers: { "Retry-After": "5" } });
  });
  assert.deepEqual(asked, ["/v1/moves?to=a"]);
  assert.deepEqual(refused, { refused: "not_now", seconds: 5 });
  assert.deepEqual(await latestMoves(null, "a", "t", () => Promise.reject(new TypeError("gone"))), { refused: "no_server", seconds: 1 });
});
