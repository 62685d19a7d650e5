// Why a customer moved: the conditions that held, and what they saw.
import type { JSX } from "preact";
import type { Reason } from "./model.ts";
import { useReading } from "./reading.ts";

export function Reasons({ because, rule }: { readonly because: readonly Reason[]; readonly rule: string | null }): JSX.Element {
  const { speech } = useReading();
  if (because.length === 0) return <span>{rule ?? speech.say("without_reason")}</span>;
  return (
    <>
      {because.map((reason, place) => (
        <span key={place} class="reason">
          {speech.of(reason.sentence)}
          {typeof reason.observed === "number" && <span class="small"> · {speech.decimal(reason.observed)}</span>}
        </span>
      ))}
    </>
  );
}
