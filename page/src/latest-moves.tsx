// The latest moves into a stage or along a way, with whose they were and why; for whoever has the token.
import type { JSX } from "preact";
import { type LatestMove, type LatestMoves as Listed, latestMoves } from "./customers.ts";
import { AskForm, Refused, useGuardedList } from "./guarded-list.tsx";
import { stageName, useReading } from "./reading.ts";
import { Reasons } from "./reasons.tsx";

export interface LatestMovesProps {
  /** Null: from any stage. */
  readonly from: string | null;
  readonly to: string;
  readonly find: (id: string) => void;
}

export function LatestMoves({ from, to, find }: LatestMovesProps): JSX.Element {
  const { speech } = useReading();
  const list = useGuardedList<Listed>(`${from ?? ""} ${to}`, (token) => latestMoves(from, to, token));
  const { listed } = list;
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
      <Refused list={list} />
      <AskForm list={list} label={speech.say(listed === null ? "recent_show" : "recent_again")} />
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
