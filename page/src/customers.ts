// One customer, as the server tells whoever has its token.
import type { Reason, Words } from "./model.ts";

export interface Change {
  readonly to: string;
  readonly at: string;
  readonly rule: string | null;
}

export interface Customer {
  readonly customer_id: string;
  readonly stage: string;
  readonly label: Words;
  readonly since: string;
  /** The latest, the newest last. */
  readonly changes: readonly Change[];
  /** When the earliest touchpoint occurred. */
  readonly first_at: string;
  /** The latest of each campaign, the newest last. */
  readonly triggers: readonly { readonly campaign: string; readonly at: string }[];
}

/** What happened to a customer, the newest first. */
export type Event = { readonly at: string } & ({ readonly change: Change } | { readonly campaign: string } | { readonly first: true });

/** Moves, triggers and the first touchpoint in one order. Of what is at the same moment, a move comes before what it triggered. */
export function eventsOf(customer: Customer): readonly Event[] {
  const events: Event[] = [
    { at: customer.first_at, first: true },
    ...customer.changes.map((change) => ({ at: change.at, change })),
    ...customer.triggers.map(({ campaign, at }) => ({ campaign, at })),
  ];
  return events.sort((one, other) => Date.parse(one.at) - Date.parse(other.at)).reverse();
}

export interface Clause {
  readonly kind: "condition";
  readonly condition: string;
  readonly sentence: Words;
  readonly observed: string | number | boolean | null;
  readonly holds: boolean;
  readonly missing: string | null;
  readonly changes_at: string | null;
}

export interface Group {
  readonly kind: "all" | "any";
  readonly holds: boolean;
  readonly changes_at: string | null;
  readonly conditions: readonly (Clause | Group)[];
}

export interface JudgedRule {
  readonly rule: string;
  readonly sentence: Words;
  readonly to: string;
  readonly holds: boolean;
  readonly when: Clause | Group;
}

/** What `/v1/customers/{id}/why` answers, as far as the page shows it. */
export interface Explanation {
  readonly version: number;
  readonly judged_at: string;
  readonly stage: string;
  readonly foreseen: readonly Change[];
  readonly held: readonly { readonly campaign: string; readonly until: string }[];
  readonly goals: readonly { readonly campaign: string; readonly since: string; readonly until: string; readonly holdout: boolean }[];
  readonly rules: readonly JudgedRule[];
  readonly carried_over: { readonly version: number } | null;
}

export interface Story {
  readonly customer: Customer;
  readonly why: Explanation;
}

/** Why there is no story: the key of the phrase that says so, and the seconds after which to ask again, where they help. */
export interface Refusal {
  readonly refused: "unknown_customer" | "token_wrong" | "no_token_set" | "too_many" | "not_now" | "no_server";
  readonly seconds: number;
}

/** What an answer that is not good means. */
export function refusalOf(status: number, retryAfter: string | null): Refusal {
  const refused = ({ 400: "unknown_customer", 401: "token_wrong", 403: "no_token_set", 404: "unknown_customer", 429: "too_many" } as const)[status];
  return { refused: refused ?? "not_now", seconds: Math.max(1, Number(retryAfter) || 1) };
}

/** Ask for a customer's story. The token goes into a header: addresses are kept in histories and logs. */
export async function storyOf(id: string, token: string, ask: typeof fetch = fetch): Promise<Story | Refusal> {
  // Half a character is in nobody's id, and in no address.
  if (/\p{Surrogate}/u.test(id)) return refusalOf(404, null);
  const address = `/v1/customers/${encodeURIComponent(id)}`;
  const asking = { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" } as const;
  try {
    const found = await ask(address, asking);
    if (!found.ok) return refusalOf(found.status, found.headers.get("Retry-After"));
    const explained = await ask(`${address}/why`, asking);
    if (!explained.ok) return refusalOf(explained.status, explained.headers.get("Retry-After"));
    return { customer: (await found.json()) as Customer, why: (await explained.json()) as Explanation };
  } catch {
    return { refused: "no_server", seconds: 1 };
  }
}

/** Who is in a stage, since when, and what brought them. */
export interface StageCustomer {
  readonly customer_id: string;
  readonly since: string;
  readonly from: string | null;
  readonly rule: string | null;
}

export interface StagePage {
  readonly customers: readonly StageCustomer[];
  /** What to ask with for more; null if that was all. */
  readonly next: string | null;
}

/** How often to ask on at once when an answer names nobody: the customers of a small stage may be far apart. */
const EMPTY_ANSWERS = 20;

/** Some customers of a stage, after those of the page before: all, or those who came from one stage. */
export async function customersIn(stage: string, source: string | null, after: string | null, token: string, ask: typeof fetch = fetch): Promise<StagePage | Refusal> {
  const asking = { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" } as const;
  let from = after;
  try {
    for (let asked = 0; ; asked += 1) {
      const found = await ask(`/v1/stages/${encodeURIComponent(stage)}/customers${from === null ? "" : `?after=${encodeURIComponent(from)}`}`, asking);
      if (!found.ok) return refusalOf(found.status, found.headers.get("Retry-After"));
      const whole = (await found.json()) as StagePage;
      const page = source === null ? whole : { ...whole, customers: whole.customers.filter((each) => each.from === source) };
      if (page.customers.length > 0 || page.next === null || asked === EMPTY_ANSWERS) return page;
      from = page.next;
    }
  } catch {
    return { refused: "no_server", seconds: 1 };
  }
}

/** One customer's move. */
export interface LatestMove {
  readonly customer_id: string;
  readonly at: string;
  readonly from: string | null;
  readonly to: string;
  readonly rule: string | null;
  readonly because: readonly Reason[];
}

export interface LatestMoves {
  /** The newest first. */
  readonly moves: readonly LatestMove[];
  /** Among how many of the latest moves of all kinds, and since when; null if there were none. */
  readonly looked_at: number;
  readonly since: string | null;
}

/** The latest moves from a stage (null: any) into another. */
export async function latestMoves(from: string | null, to: string, token: string, ask: typeof fetch = fetch): Promise<LatestMoves | Refusal> {
  const query = new URLSearchParams({ ...(from === null ? {} : { from }), to });
  try {
    const found = await ask(`/v1/moves?${query.toString()}`, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
    return found.ok ? ((await found.json()) as LatestMoves) : refusalOf(found.status, found.headers.get("Retry-After"));
  } catch {
    return { refused: "no_server", seconds: 1 };
  }
}

const KEPT = "etapa-token";

/** The token that was given in this tab before; the tab forgets it when it is closed. */
export function keptToken(): string {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

export function keepToken(token: string): void {
  try {
    if (token === "") sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, token);
  } catch {
    // It is asked for again.
  }
}
