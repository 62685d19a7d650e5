// What every part of the page needs: the map, the reader's language, and what is chosen.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Flow, FlowKind, JourneyMap, Stage } from "./model.ts";
import type { Speech } from "./words.ts";

/** A stage, or a way from one to another. */
export type Chosen = { readonly stage: string } | { readonly from: string; readonly to: string } | null;

export interface Reading {
  readonly map: JourneyMap;
  readonly speech: Speech;
  readonly chosen: Chosen;
  readonly choose: (chosen: Chosen) => void;
  /** Tell the story of a customer; null if there is no server to ask. */
  readonly find: ((id: string) => void) | null;
  /** Whether the file says which touchpoints there should be; only then can anything happen beside the design. */
  readonly planned: boolean;
  /** The channel whose touchpoints are shown; `""` means all. */
  readonly channel: string;
}

const Context = createContext<Reading | null>(null);
export const ReadingProvider = Context.Provider;

export function useReading(): Reading {
  const reading = useContext(Context);
  if (reading === null) throw new Error("the part is used outside the page");
  return reading;
}

export function isChosen(chosen: Chosen, other: Chosen): boolean {
  if (chosen === null || other === null) return false;
  if ("stage" in chosen) return "stage" in other && chosen.stage === other.stage;
  return "from" in other && chosen.from === other.from && chosen.to === other.to;
}

/** Whether anything was counted. Otherwise the map shows only the design, and a zero would claim something unknown. */
export function isCounted(map: JourneyMap): boolean {
  return map.customers > 0 || map.flows.some((flow) => flow.count > 0);
}

/** Whether any touchpoint of the map is designed. */
export function isPlanned(map: JourneyMap): boolean {
  return map.stages.some((stage) => stage.touchpoints.some((touchpoint) => touchpoint.designed));
}

/** The kind of a way as it is drawn and told: without an ideal way there are no shortcuts, only steps forward and back. */
export function kindOf(map: JourneyMap, flow: Flow): FlowKind | "onward" {
  return flow.kind === "forward" && map.ideal.length === 0 ? "onward" : flow.kind;
}

/** The name of a stage. */
export function stageName(map: JourneyMap, speech: Speech, id: string): string {
  const stage = map.stages.find((each) => each.id === id);
  return stage === undefined ? id : speech.of(stage.label, id);
}

/** The name of a campaign, which may be in the file no more. */
export function campaignName(map: JourneyMap, speech: Speech, id: string): string {
  const campaign = map.campaigns.find((each) => each.id === id);
  return campaign === undefined ? id : speech.of(campaign.label, id);
}

export function labelOf(speech: Speech, stage: Stage): string {
  return speech.of(stage.label, stage.id);
}
