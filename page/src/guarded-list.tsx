// A list that is only for whoever has the token: it is asked for with a button, and what comes too late is dropped.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Refusal, keepToken, keptToken } from "./customers.ts";
import { useReading } from "./reading.ts";
import { TokenField } from "./token-field.tsx";

export interface GuardedList<Listed> {
  /** Null: not asked for yet. */
  readonly listed: Listed | null;
  readonly refusal: Refusal | null;
  /** Null: the token is known. */
  readonly token: string | null;
  readonly setToken: (token: string) => void;
  readonly ask: () => void;
}

/** `key`: what the list is of; another one begins anew. `fetched` is told what is listed already. */
export function useGuardedList<Listed extends object>(
  key: string,
  fetched: (token: string, before: Listed | null) => Promise<Listed | Refusal>,
): GuardedList<Listed> {
  const [token, setToken] = useState(keptToken);
  const [needsToken, setNeedsToken] = useState(token === "");
  const [listed, setListed] = useState<Listed | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [waits, setWaits] = useState(false);
  const shown = useRef(key);
  useEffect(() => {
    shown.current = key;
    setListed(null);
    setRefusal(null);
  }, [key]);
  const ask = async (): Promise<void> => {
    if (token === "" || waits) return;
    setWaits(true);
    const found = await fetched(token, listed);
    setWaits(false);
    // Meanwhile something else may have been chosen.
    if (shown.current !== key) return;
    const refused = "refused" in found;
    setRefusal(refused ? found : null);
    if (!refused) setListed(found);
    const isWrong = refused && found.refused === "token_wrong";
    setNeedsToken(isWrong);
    keepToken(isWrong ? "" : token);
  };
  return { listed, refusal, token: needsToken ? token : null, setToken, ask: () => void ask() };
}

/** Why the list was refused. */
export function Refused({ list }: { readonly list: GuardedList<object> }): JSX.Element | null {
  const { speech } = useReading();
  const { refusal } = list;
  return refusal === null ? null : <p class="refused" role="status">{speech.say(refusal.refused, { id: "", n: refusal.seconds })}</p>;
}

/** The button with this label, and the field for the token if that is not known. */
export function AskForm({ list, label }: { readonly list: GuardedList<object>; readonly label: string }): JSX.Element {
  return (
    <form
      class="finder"
      onSubmit={(event) => {
        event.preventDefault();
        list.ask();
      }}
    >
      {list.token !== null && <TokenField token={list.token} setToken={list.setToken} />}
      <button type="submit">{label}</button>
    </form>
  );
}
