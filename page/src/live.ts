// Puts the figures that the server sends into the live map on screen.
import type { JourneyMap } from "./model.ts";

export interface LiveFigures {
  /** Customers by stage. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Milliseconds of silence after which figures are old; a live server sends something more often. */
export const SILENCE = 12_000;

export function withFigures(map: JourneyMap, figures: LiveFigures): JourneyMap {
  const customers = map.stages.reduce((sum, stage) => sum + (figures.stages[stage.id] ?? 0), 0);
  return {
    ...map,
    customers,
    stages: map.stages.map((stage) => {
      const here = figures.stages[stage.id] ?? 0;
      return { ...stage, customers: here, share: customers > 0 ? here / customers : 0, trend: [...stage.trend.slice(0, -1), ...(stage.trend.length > 0 ? [here] : [])] };
    }),
  };
}

/** The address of the map of a persona (`""` means all customers) over the last `days` days. */
export function mapAddress(persona: string, days: number | null, now: Date): string {
  const query = new URLSearchParams();
  if (persona !== "") query.set("persona", persona);
  if (days !== null) query.set("from", new Date(now.getTime() - days * 86_400_000).toISOString().slice(0, 10));
  const asked = query.toString();
  return asked === "" ? "/v1/map" : `/v1/map?${asked}`;
}
