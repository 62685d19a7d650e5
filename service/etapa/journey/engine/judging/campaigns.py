"""What a stage change means for a journey's campaigns: a trigger, or the reason why there is none.

Details that the journey file's page leaves open:

- A change is offered to the campaigns that it fits as soon as the customer has made it, in the order of the file. Reasons are
  checked in this order: consent, cap, cooldown, once, when, quiet. The first that holds the trigger back is the one reported.
- Every change is offered, whether a touchpoint, time or a new version of the journey made it. So is the first change of a new
  customer, which enters the initial stage and leaves none.
- The end of the quiet time is worked out when a trigger is held, and does not change if the customer's zone does. At that time
  consent, cap, cooldown and once are checked again. A customer's state holds at most `MOST_HELD` triggers; more are dropped as `quiet`.
- The holdout group is decided last, so that both groups consist of the same kind of customers.
- Windows are those of conditions: a trigger at t is within W as long as `now - W < t`.
- Consent fails closed: a value of another JSON type than the operand is never consent. Otherwise `ne: true` would accept "true".
- Triggers are kept under the campaign's id and outlive the campaign: one that is removed and put back is the same campaign. A
  state keeps `MOST_REMEMBERED` of them; beyond that, the oldest trigger of a removed campaign is forgotten.
- A cap that a new version adds or raises knows only the triggers kept until then, as many as the old `max`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from etapa.journey.engine.accumulators.kept_value import Answered
from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.conditions.consent import GivesConsent, consent_key
from etapa.journey.engine.conditions.local_time import ClockShows
from etapa.journey.engine.facts.changes import CampaignOutcome, HeldBack, Offer, Release, Trigger
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME
from etapa.journey.engine.facts.outreach import HELD_OUT, MIXED, Held, OpenGoal, Outreach
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.judging.compiled_rule import CompiledRule
from etapa.journey.engine.judging.control_groups import control_group_bound, control_group_number
from etapa.journey.engine.judging.goals import MOST_OPEN, CompiledGoal, seeking
from etapa.journey.engine.queries.whereabouts import Whereabouts
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.predicates import MISSING, needs_zone
from etapa.journey.language.model import Campaign, Caps, Journey, Quiet, Transition
from etapa.journey.localtime.zones import UTC

MOST_REMEMBERED: Final = 256
"""Campaigns whose last trigger a customer's state keeps; a journey has fewer."""
MOST_HELD: Final = 256
"""Triggers that may wait for one customer's quiet time to end."""

_NOTHING_YET: Final = Outreach({}, ())
_NO_STAGE: Final = ""
"""No stage has this id."""


class Consent:
    """The gate for every campaign. A trait that is missing, null, or of another type than its operand means no."""

    __slots__ = ("_given", "_whereabouts", "trait")

    def __init__(self, consent: Trait, whereabouts: Whereabouts) -> None:
        self.trait: Final = consent.name
        self._given: Final = Answered(consent_key(consent.comparison), GivesConsent(consent.comparison, UTC))
        self._whereabouts: Final = whereabouts if needs_zone(consent.comparison) else None

    def given(self, customer: Customer) -> bool:
        told = customer.trait(self.trait, MISSING)
        if told is MISSING:
            return False
        given = self._given if self._whereabouts is None else self._given.in_zone(self._whereabouts.of(customer))
        return given.accepts(told)


class QuietTime:
    """When nothing is to be sent, in the customer's local time."""

    __slots__ = ("_clock", "_where", "holds")

    def __init__(self, quiet: Quiet, where: Whereabouts) -> None:
        self._clock: Final = ClockShows(quiet.times.text(), quiet.times, where)
        self._where: Final = where
        self.holds: Final = quiet.holds

    def end(self, customer: Customer, now: int) -> int | None:
        """The first instant after `now` that is not quiet; none when `now` is not quiet."""
        zone = self._where.of(customer)
        return self._clock.turns_after(zone, now) if self._clock.shows(zone.local(now)) else None


class CompiledCampaign:
    """A compiled campaign."""

    __slots__ = ("_held_back", "_least", "_on", "condition", "cooldown", "goal", "id", "once", "payload", "quiet")

    def __init__(self, campaign: Campaign, condition: Condition | None, goal: CompiledGoal | None, where: Whereabouts) -> None:
        self.id = campaign.id
        self.goal = goal
        self.condition = condition
        """Its `when`."""
        self.cooldown = campaign.cooldown
        self.once = campaign.once
        self.payload = campaign.payload
        self.quiet = None if campaign.quiet is None else QuietTime(campaign.quiet, where)
        self._on = campaign.on
        self._least = control_group_bound(campaign.holdout)
        self._held_back: dict[HeldBack, Offer] = {}

    def fits(self, source: str | None, to: str) -> bool:
        """Whether a change from `source` (none: a new customer) to `to` is one of those in `on`."""
        return any(_fits(transition, source, to) for transition in self._on)

    def held_back(self, reason: HeldBack) -> Offer:
        """The outcome of a change that triggers nothing: the same object each time."""
        offer = self._held_back.get(reason)
        if offer is None:
            offer = self._held_back[reason] = Offer(self.id, reason, None)
        return offer

    def holds_out(self, customer_id: str) -> bool:
        """Whether the customer is in the campaign's holdout group."""
        return bool(self._least) and control_group_number(self.id, customer_id) < self._least


class Campaigns:
    """All campaigns of a journey. Immutable once compiled."""

    def __init__(
        self, consent: Consent | None, caps: Caps | None, campaigns: Sequence[CompiledCampaign], stages: Sequence[str], since: int | None
    ) -> None:
        self._consent = consent
        self._since = BEGINNING_OF_TIME if since is None else since
        self._caps = caps
        self.by_id: Final = {campaign.id: campaign for campaign in campaigns}
        # Most changes concern no campaign and should cost no more than a look-up. No campaign names a stage of an older version.
        self._by_move: dict[str, dict[str | None, tuple[CompiledCampaign, ...]]] = {
            to: {source: _fitting(campaigns, source, to) for source in (None, _NO_STAGE, *stages)} for to in stages
        }
        # The same for changes that a rule has made, by its number.
        self._by_rule: dict[int, tuple[CompiledCampaign, ...]] = {}

    def offer(self, customer: Customer, source: str | None, now: int, persona: str | None, rule: CompiledRule | None) -> Sequence[Offer]:
        """Offer the change that the customer (of `persona`) has just made from `source` at `now`. Triggers are recorded in the customer."""
        if now < self._since:
            return ()
        number = -1 if rule is None or source is None else rule.number
        campaigns = self._by_rule.get(number)
        if campaigns is None:
            by_source = self._by_move[customer.stage]
            campaigns = by_source.get(source, by_source[_NO_STAGE])
            if number >= 0:
                self._by_rule[number] = campaigns
        return [self._ask(campaign, customer, source, now, persona) for campaign in campaigns] if campaigns else ()

    def look_again(self, customer: Customer, held: Held, persona: str | None) -> Offer:
        """Check a held trigger again at the end of the quiet time. A trigger is recorded in the customer."""
        campaign = self.by_id.get(held.campaign)
        if campaign is None:
            return withdrawn(held)
        reason = self._limited(campaign, customer, held.ends)
        if reason is not None:
            return campaign.held_back(reason)
        return self._published(
            campaign, customer, sequence=held.sequence, source=held.source, to=held.to, at=held.ends, persona=persona, under=held.under
        )

    def _ask(self, campaign: CompiledCampaign, customer: Customer, source: str | None, now: int, persona: str | None) -> Offer:
        reason = self._limited(campaign, customer, now)
        if reason is None and campaign.condition is not None and not campaign.condition.holds(customer, now, None):
            reason = "when"
        if reason is None and campaign.quiet is not None:
            end = campaign.quiet.end(customer, now)
            if end is not None:
                reason = _held(campaign, customer, source, end) if campaign.quiet.holds else "quiet"
        if reason is not None:
            return campaign.held_back(reason)
        return self._published(campaign, customer, sequence=customer.sequence, source=source, to=customer.stage, at=now, persona=persona)

    def _published(
        self,
        campaign: CompiledCampaign,
        customer: Customer,
        *,
        sequence: int,
        source: str | None,
        to: str,
        at: int,
        persona: str | None,
        under: str | None = None,
    ) -> Offer:
        before = customer.outreach or _NOTHING_YET
        group = before.groups.get(campaign.id) if before.groups else None
        mixed = group is not None and group & MIXED != 0
        enrolls = campaign.goal is not None and campaign.id not in before.last and not mixed
        customer.outreach = self._noted(before, campaign.id, at)
        holdout = campaign.holds_out(customer.id) if group is None else group & HELD_OUT != 0
        trigger = Trigger(
            campaign=campaign.id,
            customer_id=customer.id,
            sequence=sequence,
            at=at,
            source=source,
            to=to,
            holdout=holdout,
            payload=campaign.payload,
            mixed=mixed,
            under=under,
        )
        if campaign.goal is not None:
            opened = campaign.goal.open(customer, trigger, persona, enrolled=enrolls)
            customer.outreach = _with_goal(customer.outreach, opened)
        return Offer(campaign.id, "holdout" if holdout else "published", trigger, enrolls)

    def _limited(self, campaign: CompiledCampaign, customer: Customer, now: int) -> HeldBack | None:
        if self._consent is not None and not self._consent.given(customer):
            return "consent"
        if customer.outreach is None:
            return None
        caps, times = self._caps, customer.outreach.times
        if caps is not None and len(times) >= caps.maximum and min(times[-caps.maximum :]) > now - caps.per:
            return "cap"
        last = customer.outreach.last.get(campaign.id)
        if last is not None and campaign.cooldown is not None and now - campaign.cooldown < last:
            return "cooldown"
        return "once" if last is not None and campaign.once else None

    def _noted(self, outreach: Outreach, campaign_id: str, now: int) -> Outreach:
        """`outreach` with one more trigger. A copy, because a customer whose timer fails is restored."""
        last = {each: at for each, at in outreach.last.items() if each != campaign_id}
        if len(last) >= MOST_REMEMBERED:
            # Ordered by time of trigger, so the first is the oldest.
            del last[next(each for each in last if each not in self.by_id)]
        last[campaign_id] = now
        times = outreach.times if self._caps is None else (*outreach.times, now)[-self._caps.maximum :]
        return Outreach(last, times, outreach.held, outreach.goals, outreach.groups)


def withdrawn(held: Held) -> Offer:
    """The outcome of a held trigger whose campaign no longer exists."""
    return Offer(held.campaign, "withdrawn", None)


def _held(campaign: CompiledCampaign, customer: Customer, source: str | None, end: int) -> HeldBack:
    """Hold a trigger. It is dropped if too many are held already, or if the quiet time never ends."""
    outreach = customer.outreach or _NOTHING_YET
    if end > END_OF_TIME or len(outreach.held) >= MOST_HELD:
        return "quiet"
    held = Held(campaign.id, customer.sequence, source, customer.stage, end)
    customer.outreach = Outreach(outreach.last, outreach.times, (*outreach.held, held), outreach.goals, outreach.groups)
    return "held"


def _with_goal(outreach: Outreach, goal: OpenGoal) -> Outreach:
    if len(outreach.goals) >= MOST_OPEN:
        return outreach
    return seeking(outreach, (*outreach.goals, goal))


def compile_campaigns(
    journey: Journey, conditions: Mapping[str, Condition], goals: Mapping[str, CompiledGoal], where: Whereabouts
) -> Campaigns | None:
    """The compiled campaigns of a journey; none if it has none. `conditions` (each campaign's `when`) and `goals` are by campaign id."""
    if not journey.campaigns:
        return None
    return Campaigns(
        None if journey.consent is None else Consent(journey.consent, where),
        journey.caps,
        [CompiledCampaign(campaign, conditions.get(campaign.id), goals.get(campaign.id), where) for campaign in journey.campaigns],
        [stage.id for stage in journey.stages],
        journey.campaigns_from,
    )


def offers_of(told: Iterable[StageChange | Release | CampaignOutcome]) -> Iterator[Offer]:
    """All offers to campaigns, in order."""
    for each in told:
        if isinstance(each, StageChange):
            if each.offers:
                yield from each.offers
        elif isinstance(each, Release):
            yield each.offer


def triggers_of(told: Iterable[StageChange | Release | CampaignOutcome]) -> list[Trigger]:
    """All triggers, in order."""
    return [offer.trigger for offer in offers_of(told) if offer.trigger is not None]


def in_order(changes: Sequence[StageChange], releases: Sequence[Release]) -> list[StageChange | Release]:
    """Changes and releases in the order in which they happened."""
    told: list[StageChange | Release] = []
    done = 0
    for release in releases:
        told += changes[done : release.after]
        told.append(release)
        done = release.after
    return [*told, *changes[done:]]


def _fits(transition: Transition, source: str | None, to: str) -> bool:
    return (transition.sources is None or source in transition.sources) and (transition.targets is None or to in transition.targets)


def _fitting(campaigns: Sequence[CompiledCampaign], source: str | None, to: str) -> tuple[CompiledCampaign, ...]:
    return tuple(campaign for campaign in campaigns if campaign.fits(source, to))
