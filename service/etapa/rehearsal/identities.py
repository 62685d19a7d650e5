"""Joining ids while touchpoints are replayed: follows links, and keeps what a replay of united customers needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from etapa.contracts.incoming.link import CROWD, CYCLE, TWO_KNOWN
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.course import Departure
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program
from etapa.journey.identity.links import IdLink, Joining, Links, Refusal
from etapa.journey.identity.under import under
from etapa.journey.identity.unite import Meeting, Published, is_known, standing_of, unite

MOST_REMEMBERED: Final = 1024
"""Most touchpoints of one person that are kept for a replay."""


@dataclass(frozen=True, slots=True)
class Gone:
    """An id is no longer used, because its customer is kept under another from now on. Neither published nor a stage change."""

    customer_id: str
    kept_id: str
    stage: str
    """The stage in which the id was."""
    persona: str | None
    at: int
    """The customer's clock."""
    departures: Sequence[Departure]
    """What the ledger counts of that."""
    returns_in: str | None = None
    """The stage last published for the kept id, if that one was no longer used either until now."""


@dataclass(slots=True)
class Linked:
    """What a link did. Reads like `Touched`."""

    changes: Sequence[StageChange] = ()
    outcomes: Sequence[CampaignOutcome] = ()
    gone: Gone | None = None
    """None if there was no customer under the id that is no longer used."""
    duplicate: bool = False
    """It changes nothing, because links before it say the same."""
    ignored: bool = False
    """It changes nothing, because the journey does not say how two ids become one customer."""
    failures: Sequence[EvaluationFailed] = ()
    released: Sequence[Release] = ()
    cut: bool = False


@dataclass(slots=True)
class _Arrivals:
    """A customer's touchpoints with their numbers, in the order in which they arrived."""

    numbers: list[int] = field(default_factory=list)
    touchpoints: list[Touchpoint] = field(default_factory=list)
    is_whole: bool = True

    def add(self, number: int, touchpoint: Touchpoint) -> None:
        if not self.is_whole:
            return
        self.numbers.append(number)
        self.touchpoints.append(touchpoint)
        self._limit()

    def unite(self, other: "_Arrivals") -> None:
        both = sorted(zip(self.numbers + other.numbers, self.touchpoints + other.touchpoints, strict=True), key=lambda each: each[0])
        self.numbers, self.touchpoints = [number for number, _ in both], [touchpoint for _, touchpoint in both]
        self.is_whole = self.is_whole and other.is_whole
        self._limit()

    def _limit(self) -> None:
        if not self.is_whole or len(self.touchpoints) > MOST_REMEMBERED:
            # Without the first of them, the others are of no use.
            self.numbers, self.touchpoints, self.is_whole = [], [], False


class Identities:
    """Which ids of a replay are one person's. `customers` are those of the replay, by the id that is kept."""

    def __init__(self, program: Program, customers: dict[str, Customer]) -> None:
        identity = program.journey.identity
        self._program = program
        self._customers = customers
        self._links = Links()
        self._merges_known = identity is not None and identity.merge_known
        self._arrivals: dict[str, _Arrivals] | None = {} if identity is not None and identity.stage == "replay" else None
        self._arrived = 0
        self._left: dict[str, Published] = {}
        """What was published last under ids that are no longer used."""

    def kept_for(self, customer_id: str) -> str:
        """The id under which a customer is kept."""
        return self._links.kept_for(customer_id)

    def arriving(self, touchpoint: Touchpoint) -> Touchpoint:
        """The touchpoint under the id that is kept. Must see every touchpoint before it is processed."""
        kept = self._links.kept_for(touchpoint.customer_id)
        if kept != touchpoint.customer_id:
            touchpoint = under(touchpoint, kept)
        self._arrived += 1
        if self._arrivals is not None:
            arrivals = self._arrivals.get(kept)
            if arrivals is None:
                arrivals = self._arrivals[kept] = _Arrivals()
            arrivals.add(self._arrived, touchpoint)
        return touchpoint

    def link(self, touchpoint: Touchpoint) -> Linked | Rejected:
        """Process a link. If it cannot be judged, nothing has changed."""
        link = IdLink(touchpoint.at, touchpoint.customer_id, touchpoint.properties[SAME_AS])
        joining = self._links.judge(link)
        if joining is None:
            return Linked(duplicate=True)
        if joining is Refusal.CYCLE:
            return CYCLE
        if isinstance(joining, Refusal):
            return CROWD
        if joining.are_two and not self._merges_known and self._are_known(joining):
            return TWO_KNOWN
        if joining.gone == joining.kept:
            self._links.take(joining)
            return Linked(duplicate=True)
        return self._unite(joining, touchpoint)

    def _are_known(self, joining: Joining) -> bool:
        return all(is_known(self._program, self._customers.get(each)) for each in (joining.gone, joining.kept))

    def _unite(self, joining: Joining, touchpoint: Touchpoint) -> Linked | Rejected:
        gone_id, kept_id = joining.gone, joining.kept
        moved, kept = self._customers.get(gone_id), self._customers.get(kept_id)
        linked = Linked()
        arrivals = self._united_arrivals(joining)
        if moved is not None:
            before = encode_state(moved), None if kept is None else encode_state(kept)
            left = standing_of(moved)
            standing = self._left.get(kept_id) if kept is None else standing_of(kept)
            personas = self._program.personas
            happened = Happened()
            try:
                persona = None if personas is None else personas.of(moved)
                returns_in = standing.stage if kept is None and standing is not None else None
                gone = Gone(gone_id, kept_id, moved.stage, persona, moved.clock, (), returns_in)
                united = unite(
                    self._program,
                    Meeting(
                        kept_id, kept, moved, standing, touchpoint.id, arrivals.touchpoints if arrivals and arrivals.is_whole else None
                    ),
                    happened,
                )
            except EvaluationFailed as failure:
                self._customers[gone_id] = decode_state(before[0], gone_id)
                if before[1] is not None:
                    self._customers[kept_id] = decode_state(before[1], kept_id)
                return rejected("evaluation_failed", str(failure))
            del self._customers[gone_id]
            self._customers[kept_id] = united
            self._left.pop(kept_id, None)
            if left is not None:
                self._left[gone_id] = left
            linked.gone = replace(gone, departures=happened.departures)
            linked.changes, linked.outcomes = happened.changes, happened.outcomes
            linked.released, linked.failures = happened.released, happened.failures
        self._links.take(joining)
        if self._arrivals is not None and arrivals is not None:
            self._arrivals.pop(gone_id, None)
            self._arrivals[kept_id] = arrivals
        return linked

    def _united_arrivals(self, joining: Joining) -> _Arrivals | None:
        if self._arrivals is None:
            return None
        united = _Arrivals()
        for customer_id in (joining.kept, joining.gone):
            arrivals = self._arrivals.get(customer_id)
            if arrivals is not None:
                united.unite(arrivals)
        return united
