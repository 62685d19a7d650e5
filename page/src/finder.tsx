// Finds one customer, and tells the story: where it is, how it came there, why it stays, and what comes next.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Aside } from "./aside.tsx";
import { type Clause, type Group, type JudgedRule, type Refusal, type Story, eventsOf, keepToken, keptToken, storyOf } from "./customers.ts";
import { campaignName, stageName, useReading } from "./reading.ts";
import { TokenField } from "./token-field.tsx";

export function Finder({ close, first }: { readonly close: () => void; readonly first: string }): JSX.Element {
  const { speech } = useReading();
  const [token, setToken] = useState(keptToken);
  const [needsToken, setNeedsToken] = useState(token === "");
  const [id, setId] = useState(first);
  const [asked, setAsked] = useState("");
  const [answer, setAnswer] = useState<Story | Refusal | null>(null);
  const [waits, setWaits] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // Before the next key is handled: whoever types at once would lose the first letters.
  useLayoutEffect(() => field.current?.focus(), []);
  // Somebody chosen elsewhere is shown at once.
  useEffect(() => {
    if (first !== "") void find();
  }, []);
  const find = async (): Promise<void> => {
    const wanted = id.trim();
    if (wanted === "" || token === "" || waits) return;
    setWaits(true);
    const found = await storyOf(wanted, token);
    setWaits(false);
    setAsked(wanted);
    setAnswer(found);
    const refused = "refused" in found && found.refused === "token_wrong";
    setNeedsToken(refused);
    // A wrong one is forgotten: it helps nobody.
    keepToken(refused ? "" : token);
  };
  return (
    <Aside about="customer" title={speech.say("find_customer")} close={close}>
      <form
        class="finder"
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <label>
          <span>{speech.say("customer_id")}</span>
          <input ref={field} value={id} required maxLength={256} autocomplete="off" spellcheck={false} onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        {needsToken && <TokenField token={token} setToken={setToken} />}
        <button type="submit">{speech.say("find")}</button>
      </form>
      <div role="status">
        {answer !== null && "refused" in answer && <p class="refused">{speech.say(answer.refused, { id: asked, n: answer.seconds })}</p>}
        {answer !== null && "why" in answer && <StoryTold story={answer} />}
      </div>
    </Aside>
  );
}

function StoryTold({ story: { customer, why } }: { readonly story: Story }): JSX.Element {
  const { map, speech, choose } = useReading();
  const told = new Map(map.flows.flatMap((flow) => flow.rules.map((rule) => [rule.id, rule.sentence] as const)));
  const stay = (Date.parse(why.judged_at) - Date.parse(customer.since)) / 1_000;
  return (
    <>
      <section class="here">
        <p class="small">{customer.customer_id}</p>
        <p>
          <button type="button" class="stage" onClick={() => choose({ stage: customer.stage })}>{speech.of(customer.label, customer.stage)}</button>
        </p>
        <p>{speech.say("since", { when: speech.moment(customer.since), how_long: speech.duration(Math.max(0, stay)) })}</p>
        {why.carried_over !== null && (
          <p class="small">{speech.say("carried_over", { stored: String(why.carried_over.version), version: String(why.version), stage: stageName(map, speech, why.stage) })}</p>
        )}
      </section>
      <Part title={speech.say("next")}>
        {why.foreseen.length === 0 && <p>{speech.say("stays_put")}</p>}
        {why.foreseen.map((move) => (
          <p key={move.to}>{speech.say("foreseen", { stage: stageName(map, speech, move.to), when: speech.moment(move.at) })}</p>
        ))}
        {why.held.map((held) => <p key={held.campaign}>{speech.say("held", { campaign: campaignName(map, speech, held.campaign), when: speech.moment(held.until) })}</p>)}
        {why.goals.map((goal) => (
          <p key={`${goal.campaign} ${goal.since}`}>
            {speech.say(goal.holdout ? "goal_of_holdout" : "goal_open", { campaign: campaignName(map, speech, goal.campaign), when: speech.moment(goal.until) })}
          </p>
        ))}
      </Part>
      <Part title={speech.say("why_here")}>
        {why.rules.length === 0 && <p>{speech.say("no_way_out")}</p>}
        {why.rules.map((rule) => <Judged key={rule.rule} rule={rule} />)}
      </Part>
      <Part title={speech.say("changes")}>
        <ol class="story">
          {eventsOf(customer).map((event, index) => (
            <li key={index} class={"change" in event ? "" : "minor"}>
              <time dateTime={event.at} class="small">{speech.moment(event.at)}</time>
              {"change" in event && (
                <>
                  <strong>{stageName(map, speech, event.change.to)}</strong>
                  <span>{event.change.rule === null ? speech.say("without_rule") : speech.of(told.get(event.change.rule) ?? {}, event.change.rule)}</span>
                </>
              )}
              {"campaign" in event && <span>{speech.say("triggered", { campaign: campaignName(map, speech, event.campaign) })}</span>}
              {"first" in event && <span>{speech.say("first_touchpoint")}</span>}
            </li>
          ))}
        </ol>
      </Part>
    </>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Judged({ rule }: { readonly rule: JudgedRule }): JSX.Element {
  const { map, speech } = useReading();
  return (
    <div class="rule judged">
      <h4>{speech.say("to_stage", { stage: stageName(map, speech, rule.to) })}</h4>
      {rule.when.kind === "condition" || rule.when.kind === "any" ? <ul><Judgement of={rule.when} /></ul> : <Judgements of={rule.when} />}
      <details>
        <summary>{speech.say("code")}</summary>
        <p><code>{rule.rule}</code></p>
        {codesOf(rule.when).map((code) => <p key={code}><code>{code}</code></p>)}
      </details>
    </div>
  );
}

function Judgements({ of: group }: { readonly of: Group }): JSX.Element {
  return <ul>{group.conditions.map((each, index) => <Judgement key={index} of={each} />)}</ul>;
}

function Judgement({ of: judged }: { readonly of: Clause | Group }): JSX.Element {
  const { speech } = useReading();
  const turns = judged.changes_at === null ? "" : speech.say(judged.holds ? "until" : "true_from", { when: speech.moment(judged.changes_at) });
  return (
    <li class={judged.holds ? "holds" : "fails"}>
      <span class="verdict">{speech.say(judged.holds ? "holds" : "fails")}</span>
      <div>
        {judged.kind === "condition" ? speech.of(judged.sentence, judged.condition) : speech.say(judged.kind === "all" ? "all_of" : "any_of")}
        {judged.kind === "condition" && !judged.holds && <Seen clause={judged} />}
        {turns !== "" && <p class="small">{turns}</p>}
        {judged.kind !== "condition" && <Judgements of={judged} />}
      </div>
    </li>
  );
}

/** How often it was so far, where that is what it lacks. */
function Seen({ clause }: { readonly clause: Clause }): JSX.Element | null {
  const { speech } = useReading();
  if (typeof clause.observed !== "number" || !/^(not )?(count|days)\(/.test(clause.condition)) return null;
  return <p class="small">{speech.say("so_far", { n: clause.observed })}</p>;
}

function codesOf(judged: Clause | Group): readonly string[] {
  if (judged.kind !== "condition") return judged.conditions.flatMap(codesOf);
  return [judged.missing === null ? judged.condition : `${judged.condition}: ${judged.missing}`];
}
