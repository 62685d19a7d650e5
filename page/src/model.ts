// The journey map's document, as schemas/journey-map.schema.json describes it.

/** Texts by language; `mul` is the same in every language. */
export type Words = Readonly<Record<string, string>>;

export interface Persona {
  readonly id: string;
  readonly label: Words;
  readonly about: Words;
  readonly new: number;
}

export interface Phase {
  readonly id: string | null;
  readonly label: Words;
  readonly stages: readonly string[];
}

export interface Channel {
  readonly id: string | null;
  readonly label: Words;
  readonly kind: "online" | "offline" | null;
  readonly designed: boolean;
  /** Null if touchpoints are not counted. */
  readonly count: number | null;
  readonly share: number | null;
}

export interface Touchpoint {
  readonly type: string;
  readonly channel: string | null;
  readonly label: Words;
  readonly visible: boolean;
  readonly designed: boolean;
  readonly count: number | null;
  readonly by_channel: Readonly<Record<string, number>>;
}

export type PointKind = "positive" | "negative" | "critical";

export interface Point {
  readonly kind: PointKind;
  readonly at: string | null;
  readonly at_label: Words;
  readonly note: Words;
  readonly why: readonly Words[];
  readonly how: readonly Words[];
}

export interface Feeling {
  readonly count: number;
  readonly mean: number;
  readonly level: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Stay {
  readonly count: number;
  readonly median_seconds: number | null;
  readonly p90_seconds: number | null;
  readonly promised_seconds: number | null;
  readonly histogram: readonly { readonly at_least_seconds: number; readonly below_seconds: number; readonly count: number }[];
}

export interface Onward {
  readonly to: string;
  readonly count: number;
  readonly share: number;
  readonly promised: number | null;
}

export interface Stage {
  readonly id: string;
  readonly label: Words;
  readonly phase: string | null;
  readonly on_ideal_way: boolean;
  readonly goal: Words;
  readonly activities: readonly Words[];
  readonly customers: number;
  readonly share: number;
  /** Customers in it at the end of each of several equal steps of the time shown; may be empty. */
  readonly trend: readonly number[];
  readonly entered: number;
  readonly left: number;
  readonly new: number;
  /** Different customers who have ever been in it; of a part of the time, who came to it for the first time. */
  readonly reached: number | null;
  readonly channels: readonly Channel[];
  readonly touchpoints: readonly Touchpoint[];
  readonly feeling: Feeling | null;
  readonly points: readonly Point[];
  readonly stay: Stay;
  readonly onward: Onward | null;
}

export type FlowKind = "ideal" | "forward" | "back" | "aside";

export interface Rule {
  readonly id: string;
  readonly sentence: Words;
  readonly code: string;
  readonly count: number | null;
}

export interface Reason {
  readonly sentence: Words;
  readonly observed: string | number | boolean | null;
}

export interface RecentMove {
  readonly at: string;
  readonly rule: string | null;
  readonly because: readonly Reason[];
}

export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly kind: FlowKind;
  readonly count: number;
  readonly share: number;
  readonly median_seconds: number | null;
  readonly p90_seconds: number | null;
  readonly causes: Readonly<Record<string, number>>;
  readonly rules: readonly Rule[];
  /** The newest first; empty if single moves are not known. */
  readonly recent: readonly RecentMove[];
}

export interface Detour {
  readonly from: string;
  readonly to: string;
  /** Null, like the share, if the map is about a part of the time. */
  readonly customers: number | null;
  readonly share: number | null;
  readonly times: number;
  readonly days_lost: number;
  readonly rules: Readonly<Record<string, number>>;
}

export interface Way {
  readonly customers: number;
  readonly on_way: number;
  readonly share: number;
  /** The share of the stages entered that fit; null if none were. */
  readonly conformance: number | null;
  readonly detours: readonly Detour[];
}

export interface Extreme {
  readonly side: "worst" | "best";
  readonly measure: "stay" | "drop_off" | "feeling";
  readonly stage: string;
  readonly value: number;
  readonly beside: number;
  readonly promised: boolean;
}

export interface GroupGoals {
  readonly ended: number;
  readonly met: number;
}

export interface CampaignEffect {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly verdict: "better" | "worse" | "undecided" | null;
}

export interface CampaignLane {
  readonly id: string;
  readonly label: Words;
  readonly stages: readonly string[];
  readonly outcomes: Readonly<Record<string, number>> | null;
  readonly sent: GroupGoals | null;
  readonly holdout: GroupGoals | null;
  readonly effect: CampaignEffect | null;
}

export interface JourneyMap {
  readonly journey: string;
  readonly version: number;
  readonly state: "current" | "future";
  readonly scope: Words;
  readonly persona: string | null;
  readonly from: string | null;
  readonly until: string | null;
  /** Whether what happened before `from` is left out. */
  readonly part: boolean;
  readonly exact: boolean;
  readonly customers: number;
  readonly personas: readonly Persona[];
  readonly phases: readonly Phase[];
  readonly stages: readonly Stage[];
  readonly flows: readonly Flow[];
  readonly ideal: readonly string[];
  /** What customers say when they feel worst and best; null if the file has no feeling. */
  readonly feeling_scale: readonly number[] | null;
  readonly way: Way | null;
  readonly extremes: readonly Extreme[];
  readonly campaigns: readonly CampaignLane[];
}

/** The data embedded in the page: a file's maps by persona (`""` means all customers), or none if a server provides them. */
export interface Given {
  readonly maps: Readonly<Record<string, JourneyMap>> | null;
  readonly languages: readonly PageLanguage[];
  /** The language of a picture or a print; null: the reader's. */
  readonly language: string | null;
  /** Whether the page is to become its own picture, for whoever reads it out of a browser without a window. */
  readonly as_picture: boolean;
}

export type Phrase = string | { readonly one: string; readonly other: string };

export interface PageLanguage {
  readonly code: string;
  readonly name: string;
  readonly page: Readonly<Record<string, Phrase>>;
}
