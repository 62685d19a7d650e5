"""What campaigns have done with two customers, as one customer's. All of it has really happened, so it is united and never replayed."""

from collections.abc import Iterable

import msgspec

from etapa.journey.engine.facts.outreach import HELD_OUT, MIXED, Held, OpenGoal, Outreach
from etapa.journey.engine.judging.campaigns import MOST_HELD, MOST_REMEMBERED, Campaigns
from etapa.journey.engine.judging.goals import MOST_OPEN

_NOTHING = Outreach({}, ())


def _moved(outreach: Outreach, under: str) -> Outreach:
    """The same, once the customer has another id: what waits still belongs to stage changes published `under` the old one."""
    held = tuple(each if each.under is not None else msgspec.structs.replace(each, under=under) for each in outreach.held)
    goals = tuple(each if each.under is not None else msgspec.structs.replace(each, under=under) for each in outreach.goals)
    return Outreach(outreach.last, outreach.times, held, goals, outreach.groups)


def united_outreach(
    campaigns: Campaigns | None, most_times: int, kept_id: str, kept: Outreach | None, moved_id: str, moved: Outreach | None
) -> Outreach | None:
    """What was done with both. `moved_id` is the id that is no longer used; `most_times`: how many triggers the caps need.

    Both have been in holdout groups for life, each since its first trigger. If the two differ, that of the kept id stays, and the
    triggers to come are marked as mixed.
    """
    if moved is None:
        return kept
    gone = _moved(moved, moved_id)
    stays = kept or _NOTHING
    groups = _groups(campaigns, kept_id, stays, moved_id, gone)
    last = dict(sorted(_latest(stays.last, gone.last).items(), key=_time_of))
    for campaign in list(last)[: max(0, len(last) - MOST_REMEMBERED)]:
        del last[campaign]
    goals = tuple(sorted((*stays.goals, *gone.goals), key=_opened_at)[:MOST_OPEN])
    return Outreach(
        last,
        tuple(sorted((*stays.times, *gone.times)))[-most_times:] if most_times else (),
        (*stays.held, *gone.held)[:MOST_HELD],
        tuple(_as_in(each, groups) for each in goals),
        groups,
    )


def _groups(campaigns: Campaigns | None, kept_id: str, kept: Outreach, moved_id: str, moved: Outreach) -> dict[str, int]:
    groups = dict(kept.groups)
    for campaign in sorted({*moved.last, *moved.groups}):
        theirs, by_id = _group(campaigns, campaign, moved_id, moved), _group(campaigns, campaign, kept_id, _NOTHING)
        if theirs is None or by_id is None:
            continue
        if campaign not in kept.last and campaign not in kept.groups:
            if theirs != by_id:
                groups[campaign] = theirs
            continue
        ours = _group(campaigns, campaign, kept_id, kept) or 0
        if (ours ^ theirs) & HELD_OUT or theirs & MIXED:
            groups[campaign] = ours | MIXED
    return groups


def _group(campaigns: Campaigns | None, campaign: str, customer_id: str, outreach: Outreach) -> int | None:
    """The customer's group; none if nobody can tell, because the campaign no longer exists."""
    found = outreach.groups.get(campaign)
    compiled = None if campaigns is None else campaigns.by_id.get(campaign)
    if found is not None or compiled is None:
        return found
    return HELD_OUT if compiled.holds_out(customer_id) else 0


def _as_in(goal: OpenGoal, groups: dict[str, int]) -> OpenGoal:
    """A goal of someone who was in both groups counts in neither."""
    return msgspec.structs.replace(goal, enrolled=False) if goal.enrolled and groups.get(goal.campaign, 0) & MIXED else goal


def _latest(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    latest = dict(first)
    for campaign, at in second.items():
        latest[campaign] = max(at, latest.get(campaign, at))
    return latest


def _time_of(entry: tuple[str, int]) -> int:
    return entry[1]


def _opened_at(goal: OpenGoal) -> int:
    return goal.at


def waiting(outreach: Outreach | None) -> Iterable[Held | OpenGoal]:
    """What still waits for its time."""
    return () if outreach is None else (*outreach.held, *outreach.goals)
