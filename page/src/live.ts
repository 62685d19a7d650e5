// Figures of a live map, as the server sends them, put into the map that is shown.
import type { JourneyMap } from "./model.ts";

export interface LiveFigures {
  /** Customers by stage. */
  readonly stages: Readonly<Record<string, number>>;
  /** From where, to where, how often. */
  readonly flows: readonly (readonly [from: string, to: string, count: number])[];
}

/** Silence after which figures are old, in milliseconds; a server that lives says so more often. */
export const SILENCE = 12_000;

export function withFigures(map: JourneyMap, figures: LiveFigures): JourneyMap {
  const customers = map.stages.reduce((sum, stage) => sum + (figures.stages[stage.id] ?? 0), 0);
  const counts = new Map(figures.flows.map(([from, to, count]) => [`${from} ${to}`, count]));
  const left = new Map<string, number>();
  const entered = new Map<string, number>();
  for (const [from, to, count] of figures.flows) {
    left.set(from, (left.get(from) ?? 0) + count);
    entered.set(to, (entered.get(to) ?? 0) + count);
  }
  return {
    ...map,
    customers,
    stages: map.stages.map((stage) => {
      const here = figures.stages[stage.id] ?? 0;
      return {
        ...stage,
        customers: here,
        share: customers > 0 ? here / customers : 0,
        left: left.get(stage.id) ?? 0,
        entered: stage.new + (entered.get(stage.id) ?? 0),
      };
    }),
    flows: map.flows.map((flow) => {
      const count = counts.get(`${flow.from} ${flow.to}`) ?? 0;
      const out = left.get(flow.from) ?? 0;
      return { ...flow, count, share: out > 0 ? count / out : 0 };
    }),
  };
}
