// The contents of one stage's column, lane by lane. The same cells make the map on a wide screen and the list on a narrow one.
import type { ComponentChildren, JSX } from "preact";
import type { CampaignLane, Channel, GroupGoals, PointKind, Stage, Touchpoint } from "./model.ts";
import { useReading } from "./reading.ts";

export interface Lane {
  readonly key: string;
  readonly has: (stage: Stage) => boolean;
  readonly Cell: (props: { readonly stage: Stage; readonly whole?: boolean }) => JSX.Element | null;
}

const MARKS: Record<PointKind, string> = { positive: "+", negative: "−", critical: "!" };
const SHOWN = 3;

export function Mark({ kind }: { readonly kind: PointKind }): JSX.Element {
  const { speech } = useReading();
  return (
    <span class={`mark ${kind}`} role="img" aria-label={speech.say(`point_${kind}`)} title={speech.say(`point_${kind}`)}>
      {MARKS[kind]}
    </span>
  );
}

/** A bar for a share, drawn so that it is also printed. */
export function Bar({ share, kind = "" }: { readonly share: number; readonly kind?: string }): JSX.Element {
  return (
    <svg class={`bar ${kind}`} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" rx="1" />
      <rect class="fill" width={Math.max(share * 100, share > 0 ? 1.5 : 0)} height="6" rx="1" />
    </svg>
  );
}

/** The first few, and how many more there are; all in the panel and in print. */
export function Few({ children, whole }: { readonly children: ComponentChildren[]; readonly whole: boolean }): JSX.Element {
  const { speech } = useReading();
  const rest = children.length - SHOWN;
  return (
    <ul class="few">
      {children.map((child, index) => (
        <li key={index} class={!whole && rest > 0 && index >= SHOWN ? "beyond" : ""}>
          {child}
        </li>
      ))}
      {!whole && rest > 0 && <li class="more">{speech.say("more", { n: rest })}</li>}
    </ul>
  );
}

function Unplanned(): JSX.Element | null {
  const { planned } = useReading();
  if (!planned) return null;
  return <span class="plus" aria-hidden="true">{"+\u00a0"}</span>;
}

function Goal({ stage }: { readonly stage: Stage }): JSX.Element {
  const { speech } = useReading();
  return <p class="goal">{speech.of(stage.goal)}</p>;
}

function Activities({ stage, whole = false }: { readonly stage: Stage; readonly whole?: boolean }): JSX.Element {
  const { speech } = useReading();
  return <Few whole={whole}>{stage.activities.map((each) => speech.of(each))}</Few>;
}

/** With its channel if the stage has the same kind of touchpoint on another channel too. */
function TouchpointName({ touchpoint, among }: { readonly touchpoint: Touchpoint; readonly among: Stage }): JSX.Element {
  const { speech } = useReading();
  const twice = among.touchpoints.filter((each) => each.type === touchpoint.type).length > 1;
  const channel = among.channels.find((each) => each.id === touchpoint.channel);
  return (
    <span class="name">
      {!touchpoint.designed && <Unplanned />}
      {speech.of(touchpoint.label, touchpoint.type)}
      {twice && channel !== undefined && <span class="small"> {channelName(speech, channel)}</span>}
    </span>
  );
}

/** The whole name, of which a narrow column may show only the beginning. */
function touchpointHint(speech: ReturnType<typeof useReading>["speech"], touchpoint: Touchpoint, among: Stage, planned: boolean): string {
  const channel = among.channels.find((each) => each.id === touchpoint.channel);
  const name = [speech.of(touchpoint.label, touchpoint.type), ...(channel === undefined ? [] : [channelName(speech, channel)])].join(", ");
  return planned && !touchpoint.designed ? `${name}. ${speech.say("not_designed")}` : name;
}

function Touchpoints({ stage, visible, whole }: { readonly stage: Stage; readonly visible: boolean; readonly whole: boolean }): JSX.Element | null {
  const { speech, planned } = useReading();
  const shown = stage.touchpoints.filter((each) => each.visible === visible && (each.designed || whole || (each.count ?? 0) > 0));
  if (shown.length === 0) return null;
  return (
    <Few whole={whole}>
      {shown.map((each) => (
        <span class={`touchpoint ${each.designed ? "" : "unplanned"}`} title={touchpointHint(speech, each, stage, planned)}>
          <TouchpointName touchpoint={each} among={stage} />
          {each.count !== null && (
            <span class="count">{each.count === 0 ? <span class="never">{speech.say("never")}</span> : speech.number(each.count)}</span>
          )}
        </span>
      ))}
    </Few>
  );
}

function channelName(speech: ReturnType<typeof useReading>["speech"], channel: Channel): string {
  return channel.id === null ? speech.say("no_channel") : speech.of(channel.label, channel.id);
}

function Channels({ stage, whole = false }: { readonly stage: Stage; readonly whole?: boolean }): JSX.Element {
  const { speech, planned } = useReading();
  const shown = stage.channels.filter((each) => each.id !== null || whole);
  return (
    <Few whole={whole}>
      {shown.map((each) => (
        <span class={`channel ${each.designed || !planned ? "" : "unplanned"}`} title={planned ? `${channelName(speech, each)}. ${speech.say(each.designed ? "designed_channel" : "not_designed")}` : channelName(speech, each)}>
          <span class="name">
            {!each.designed && <Unplanned />}
            {channelName(speech, each)}
          </span>
          {each.share !== null && (
            <>
              <Bar share={each.share} />
              <span class="count">{speech.share(each.share)}</span>
            </>
          )}
        </span>
      ))}
    </Few>
  );
}

function Points({ stage, whole = false }: { readonly stage: Stage; readonly whole?: boolean }): JSX.Element {
  const { speech } = useReading();
  return (
    <Few whole={whole}>
      {stage.points.map((each) => (
        <span class="point">
          <Mark kind={each.kind} />
          <span>
            {speech.of(each.note, speech.of(each.at_label, each.at ?? ""))}
            {whole && each.why.length > 0 && (
              <>
                <strong class="aside">{speech.say("why")}</strong>
                <ol>{each.why.map((why) => <li>{speech.of(why)}</li>)}</ol>
              </>
            )}
            {whole && each.how.length > 0 && (
              <>
                <strong class="aside">{speech.say("how")}</strong>
                <ul>{each.how.map((how) => <li>{speech.of(how)}</li>)}</ul>
              </>
            )}
          </span>
        </span>
      ))}
    </Few>
  );
}

interface BesideProps {
  readonly value: number;
  readonly promised: number | null;
  /** What the whole bar stands for; null if there is nothing to compare with, so that a bar would say nothing. */
  readonly whole: number | null;
  readonly worse: boolean;
  readonly children: ComponentChildren;
}

/** A measured value next to the promised one; the tick is the promise. */
function Beside({ value, promised, whole, worse, children }: BesideProps): JSX.Element {
  return (
    <div class={`beside ${worse ? "worse" : ""}`}>
      <div>{children}</div>
      {whole !== null && (
        <svg class="bullet" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect class="track" y="1" width="100" height="6" rx="1" />
          <rect class="fill" y="1" width={(value / whole) * 100} height="6" rx="1" />
          {promised !== null && <rect class="tick" x={Math.min((promised / whole) * 100 - 0.6, 98.4)} width="1.6" height="8" />}
        </svg>
      )}
    </div>
  );
}

/** How many different customers have been in the stage: of all who were ever counted, or for the first time in a part of the time. */
function Reached({ stage }: { readonly stage: Stage }): JSX.Element | null {
  const { map, speech } = useReading();
  const { reached } = stage;
  if (reached === null || reached === 0) return null;
  const most = Math.max(...map.stages.map((each) => each.reached ?? 0));
  return (
    <p class="reached">
      {map.part ? speech.say("came_first_n", { n: speech.number(reached) }) : speech.say("reached_share", { n: speech.number(reached), share: speech.share(reached / most) })}
    </p>
  );
}

function StayAndOnward({ stage }: { readonly stage: Stage }): JSX.Element {
  const { speech } = useReading();
  const { median_seconds: median, promised_seconds: promised } = stage.stay;
  return (
    <>
      <Reached stage={stage} />
      {median === null && promised !== null && <p class="promise">{speech.say("promised", { what: speech.duration(promised) })}</p>}
      {stage.entered === 0 && typeof stage.onward?.promised === "number" && (
        <p class="promise">{speech.say("onward_share", { what: speech.share(stage.onward.promised) })}</p>
      )}
      {median !== null && (
        <Beside value={median} promised={promised} whole={promised === null ? null : Math.max(median, promised) * 1.08 || 1} worse={promised !== null && median > promised}>
          <strong>{speech.duration(median)}</strong>{" "}
          {promised !== null && <span class="promise">{speech.say("promised", { what: speech.duration(promised) })}</span>}
        </Beside>
      )}
      {stage.onward !== null && stage.entered > 0 && (
        <Beside value={stage.onward.share} promised={stage.onward.promised} whole={1} worse={stage.onward.promised !== null && stage.onward.share < stage.onward.promised}>
          <strong>{speech.say("onward_share", { what: speech.share(stage.onward.share) })}</strong>{" "}
          {stage.onward.promised !== null && <span class="promise">{speech.say("promised", { what: speech.share(stage.onward.promised) })}</span>}
        </Beside>
      )}
    </>
  );
}

/** Whether a campaign worked: who met the goal in both groups, and the difference with its interval. */
function Effect({ campaign, whole }: { readonly campaign: CampaignLane; readonly whole: boolean }): JSX.Element | null {
  const { speech } = useReading();
  const { sent, holdout, effect } = campaign;
  const met = (key: string, group: GroupGoals | null): string | null =>
    group === null ? null : speech.say(key, { share: speech.share(group.met / group.ended), met: speech.number(group.met), ended: speech.number(group.ended) });
  const groups = [met("met_sent", sent), met("met_holdout", holdout)].filter((each) => each !== null);
  if (groups.length === 0) return null;
  // Of groups that cannot be compared a difference says nothing.
  const range = effect === null || effect.verdict === null ? null : speech.say("effect_between", { low: speech.points(effect.low), high: speech.points(effect.high) });
  return (
    <>
      {effect !== null && (
        <span class={`effect ${effect.verdict ?? "apart"}`} title={[...groups, ...(range === null ? [] : [range])].join(". ")}>
          {effect.verdict !== null && <strong>{speech.say("effect_points", { points: speech.points(effect.difference) })}</strong>} {speech.say(`verdict_${effect.verdict ?? "apart"}`)}
        </span>
      )}
      {whole && [...groups, range].map((each) => each !== null && <span class="effect">{each}</span>)}
    </>
  );
}

function Campaigns({ stage, whole = false }: { readonly stage: Stage; readonly whole?: boolean }): JSX.Element | null {
  const { map, speech } = useReading();
  const here = map.campaigns.filter((each) => each.stages.includes(stage.id));
  if (here.length === 0) return null;
  return (
    <Few whole={whole}>
      {here.map((each) => {
        const sent = each.outcomes?.["published"] ?? 0;
        const offered = Object.values(each.outcomes ?? {}).reduce((sum, count) => sum + count, 0);
        return (
          <span class="campaign">
            <span class="touchpoint" title={speech.say("sent_of", { sent: speech.number(sent), offered: speech.number(offered) })}>
              <span class="name">{speech.of(each.label, each.id)}</span>
              {each.outcomes !== null && <span class="count">{speech.number(sent)}</span>}
            </span>
            <Effect campaign={each} whole={whole} />
          </span>
        );
      })}
    </Few>
  );
}

export const LANES: readonly Lane[] = [
  { key: "goal", has: (stage) => Object.keys(stage.goal).length > 0, Cell: Goal },
  { key: "activities", has: (stage) => stage.activities.length > 0, Cell: Activities },
  {
    key: "in_front",
    has: (stage) => stage.touchpoints.some((each) => each.visible),
    Cell: ({ stage, whole = false }) => <Touchpoints stage={stage} visible whole={whole} />,
  },
  {
    key: "behind",
    has: (stage) => stage.touchpoints.some((each) => !each.visible),
    Cell: ({ stage, whole = false }) => <Touchpoints stage={stage} visible={false} whole={whole} />,
  },
  { key: "channels", has: (stage) => stage.channels.length > 0, Cell: Channels },
  { key: "feeling", has: (stage) => stage.feeling !== null, Cell: () => null },
  { key: "points", has: (stage) => stage.points.length > 0, Cell: Points },
  { key: "stay", has: (stage) => (stage.reached ?? 0) > 0 || stage.stay.median_seconds !== null || stage.stay.promised_seconds !== null || stage.onward !== null, Cell: StayAndOnward },
  { key: "campaigns", has: () => true, Cell: Campaigns },
];
