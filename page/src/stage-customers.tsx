// Who is in a stage, those who came last first, with what brought them; each leads to the customer's story.
import type { JSX } from "preact";
import { type StageCustomer, customersIn } from "./customers.ts";
import { AskForm, Refused, useGuardedList } from "./guarded-list.tsx";
import type { Stage } from "./model.ts";
import { stageName, useReading } from "./reading.ts";

interface Listed {
  readonly customers: readonly StageCustomer[];
  readonly next: string | null;
}

export interface StageCustomersProps {
  readonly stage: Stage;
  /** Only those who came from this stage. */
  readonly from?: string | null;
  readonly find: (id: string) => void;
}

export function StageCustomers({ stage, from = null, find }: StageCustomersProps): JSX.Element {
  const { speech } = useReading();
  const list = useGuardedList<Listed>(`${from ?? ""} ${stage.id}`, async (token, before) => {
    const found = await customersIn(stage.id, from, before?.next ?? null, token);
    return "refused" in found ? found : { customers: [...(before?.customers ?? []), ...found.customers], next: found.next };
  });
  const { listed } = list;
  return (
    <section class="members">
      <h3>{speech.say(from === null ? "lane_customers" : "came_this_way")}</h3>
      {listed !== null && listed.customers.length === 0 && <p role="status">{speech.say(listed.next === null ? "nobody_here" : "nobody_found_yet")}</p>}
      {listed !== null && listed.customers.length > 0 && (
        <ol>
          {listed.customers.map((each) => (
            <li key={each.customer_id}>
              <button type="button" class="customer" onClick={() => find(each.customer_id)}>{each.customer_id}</button>
              <time dateTime={each.since} class="small">{speech.moment(each.since)}</time>
              <Came customer={each} />
            </li>
          ))}
        </ol>
      )}
      <Refused list={list} />
      {(listed === null || listed.next !== null) && <AskForm list={list} label={speech.say(listed === null ? "list_customers" : "list_more")} />}
    </section>
  );
}

function Came({ customer }: { readonly customer: StageCustomer }): JSX.Element | null {
  const { map, speech } = useReading();
  const { from, rule } = customer;
  if (from === null) return <span class="small">{speech.say("without_rule")}</span>;
  const told = map.flows.flatMap((flow) => flow.rules).find((each) => each.id === rule);
  const why = told === undefined ? (rule ?? "") : speech.of(told.sentence, told.id);
  return <span class="small">{speech.say("came_from", { stage: stageName(map, speech, from) })}{why !== "" && ` ${why}`}</span>;
}
