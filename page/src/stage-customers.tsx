// Who is in a stage, those who came last first, with what brought them; each leads to the customer's story.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Refusal, type StageCustomer, customersIn, keepToken, keptToken } from "./customers.ts";
import type { Stage } from "./model.ts";
import { stageName, useReading } from "./reading.ts";
import { TokenField } from "./token-field.tsx";

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
  const [token, setToken] = useState(keptToken);
  const [needsToken, setNeedsToken] = useState(token === "");
  const [listed, setListed] = useState<Listed | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [waits, setWaits] = useState(false);
  const key = `${from ?? ""} ${stage.id}`;
  const shown = useRef(key);
  useEffect(() => {
    shown.current = key;
    setListed(null);
    setRefusal(null);
  }, [key]);
  const list = async (): Promise<void> => {
    if (token === "" || waits) return;
    setWaits(true);
    const found = await customersIn(stage.id, from, listed?.next ?? null, token);
    setWaits(false);
    // Meanwhile another stage may have been chosen.
    if (shown.current !== key) return;
    const refused = "refused" in found;
    setRefusal(refused ? found : null);
    if (!refused) setListed({ customers: [...(listed?.customers ?? []), ...found.customers], next: found.next });
    const isWrong = refused && found.refused === "token_wrong";
    setNeedsToken(isWrong);
    keepToken(isWrong ? "" : token);
  };
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
      {refusal !== null && <p class="refused" role="status">{speech.say(refusal.refused, { id: "", n: refusal.seconds })}</p>}
      {(listed === null || listed.next !== null) && (
        <form
          class="finder"
          onSubmit={(event) => {
            event.preventDefault();
            void list();
          }}
        >
          {needsToken && <TokenField token={token} setToken={setToken} />}
          <button type="submit">{speech.say(listed === null ? "list_customers" : "list_more")}</button>
        </form>
      )}
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
