"""How campaigns respond to stage changes, from the definitions alone: every trigger is kept, and every question looks at all of them.

It shares no code with the engine and ignores cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from etapa.journey.language import model
from etapa.journey.language.kinds.trait import Trait
from tests.reference import local_time
from tests.reference.goals import GoalKeeper


@dataclass(frozen=True)
class ReferenceTrigger:
    """One trigger, for a holdout group or not."""

    campaign: str
    at: int


@dataclass(frozen=True)
class HeldInReference:
    """A held trigger: its change, and until when it is held."""

    campaign: str
    sequence: int
    end: int


@dataclass
class Marketer:
    """Receives one customer's changes in order. `told`: (sequence of the change, campaign, outcome)."""

    journey: model.Journey
    goals: GoalKeeper
    sent: list[ReferenceTrigger] = field(default_factory=list)
    waiting: list[HeldInReference] = field(default_factory=list)
    told: list[tuple[int, str, str]] = field(default_factory=list)

    def hear(
        self,
        customer_id: str,
        sequence: int,
        source: str | None,
        to: str,
        now: int,
        consents: Callable[[Trait], bool],
        holds: Callable[[model.Condition], bool],
        zone: ZoneInfo,
    ) -> None:
        """`consents` and `holds` answer for the customer right after the change, when the customer is in `zone`."""
        for campaign in self.journey.campaigns:
            if not any(_matches(each, source, to) for each in campaign.on):
                continue
            outcome = self._limit(campaign, now, consents)
            if outcome is None and campaign.when is not None and not holds(campaign.when):
                outcome = "when"
            if outcome is None and campaign.quiet is not None and local_time.shows(campaign.quiet.times, now, zone):
                outcome = "held" if campaign.quiet.holds else "quiet"
                if campaign.quiet.holds:
                    self.waiting.append(HeldInReference(campaign.id, sequence, _end_of_quiet(campaign.quiet, now, zone)))
            self.told.append((sequence, campaign.id, outcome or self._send(campaign, customer_id, sequence, now)))

    def end_of_quiet(self, customer_id: str, now: int, consents: Callable[[Trait], bool]) -> bool:
        """Reconsider what was held until `now`. Returns whether any of it was sent."""
        over = [each for each in self.waiting if each.end == now]
        self.waiting = [each for each in self.waiting if each.end != now]
        before = len(self.sent)
        for each in over:
            campaign = next(one for one in self.journey.campaigns if one.id == each.campaign)
            outcome = self._limit(campaign, now, consents)
            self.told.append((each.sequence, campaign.id, outcome or self._send(campaign, customer_id, each.sequence, now)))
        return len(self.sent) > before

    def _send(self, campaign: model.Campaign, customer_id: str, sequence: int, now: int) -> str:
        self.sent.append(ReferenceTrigger(campaign.id, now))
        drawn = blake2b(campaign.id.encode() + b"\0" + customer_id.encode(), digest_size=8).hexdigest()
        holdout = Fraction(int(drawn, 16), 2**64) < Fraction(campaign.holdout)
        self.goals.triggered(campaign.id, sequence, now, holdout=holdout)
        return "holdout" if holdout else "published"

    def _limit(self, campaign: model.Campaign, now: int, consents: Callable[[Trait], bool]) -> str | None:
        earlier = [each for each in self.sent if each.campaign == campaign.id]
        caps = self.journey.caps
        if self.journey.consent is not None and not consents(self.journey.consent):
            return "consent"
        if caps is not None and len([each for each in self.sent if now - caps.per < each.at <= now]) >= caps.maximum:
            return "cap"
        if campaign.cooldown is not None and any(now - campaign.cooldown < each.at <= now for each in earlier):
            return "cooldown"
        return "once" if campaign.once and earlier else None


def _end_of_quiet(quiet: model.Quiet, now: int, zone: ZoneInfo) -> int:
    """The first quarter of an hour that is not quiet; in the tested zones, clocks change at no other times."""
    at = now // local_time.QUARTER * local_time.QUARTER
    while local_time.shows(quiet.times, at, zone):
        at += local_time.QUARTER
    return at


def _matches(move: model.Transition, source: str | None, to: str) -> bool:
    left: Any = source if move.sources is not None else "any"
    entered = to if move.targets is not None else "any"
    return left in (move.sources or ("any",)) and entered in (move.targets or ("any",))
