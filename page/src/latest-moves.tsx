// The latest moves into a stage or along a way, with whose they were and why; for whoever has the token.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type LatestMove, type LatestMoves as Listed, type Refusal, keepToken, keptToken, latestMoves } from "./customers.ts";
import { stageName, useReading } from "./reading.ts";
import { Reasons } from "./reasons.tsx";
import { TokenField } from "./token-field.tsx";

export interface LatestMovesProps {
  /** Null: from any stage. */
  readonly from: string | null;
  readonly to: string;
  readonly find: (id: string) => void;
}

export function LatestMoves({ from, to, find }: LatestMovesProps): JSX.Element {
  const { speech } = useReading();
  const [token, setToken] = useState(keptToken);
  const [needsToken, setNeedsToken] = useState(token === "");
  const [listed, setListed] = useState<Listed | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [waits, setWaits] = useState(false);
  const key = `${from ?? ""} ${to}`;
  const shown = useRef(key);
  useEffect(() => {
    shown.current = key;
    setListed(null);
    setRefusal(null);
  }, [key]);
  const list = async (): Promise<void> => {
    if (token === "" || waits) return;
    setWaits(true);
    const found = await latestMoves(from, to, token);
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
  return (
    <section class="latest">
      <h3>{speech.say("recent")}</h3>
      {listed !== null && listed.moves.length > 0 && (
        <ol class="story">{listed.moves.map((move) => <Move key={`${move.customer_id} ${move.at} ${move.to}`} move={move} any={from === null} find={find} />)}</ol>
      )}
      {listed !== null && (
        <p class="small" role="status">
          {listed.since === null ? speech.say("recent_nothing") : speech.say(listed.moves.length === 0 ? "recent_none" : "recent_among", { n: listed.looked_at, time: speech.moment(listed.since) })}
        </p>
      )}
      {refusal !== null && <p class="refused" role="status">{speech.say(refusal.refused, { id: "", n: refusal.seconds })}</p>}
      <form
        class="finder"
        onSubmit={(event) => {
          event.preventDefault();
          void list();
        }}
      >
        {needsToken && <TokenField token={token} setToken={setToken} />}
        <button type="submit">{speech.say(listed === null ? "recent_show" : "recent_again")}</button>
      </form>
    </section>
  );
}

function Move({ move, any, find }: { readonly move: LatestMove; readonly any: boolean; readonly find: (id: string) => void }): JSX.Element {
  const { map, speech } = useReading();
  return (
    <li>
      <button type="button" class="customer" onClick={() => find(move.customer_id)}>{move.customer_id}</button>
      <time dateTime={move.at} class="small">{speech.moment(move.at)}</time>
      {any && move.from !== null && <span class="small">{speech.say("came_from", { stage: stageName(map, speech, move.from) })}</span>}
      <Reasons because={move.because} rule={move.rule} />
    </li>
  );
}
