"""Compares two journeys on the same touchpoints: who would be in another stage, and which stage changes and campaign triggers would differ.

It keeps the states of all customers in both journeys, the last stage change of each, and who differs. Nothing grows with the
number of touchpoints.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.rejected import Reason, Rejected
from etapa.journey.engine.facts.changes import CampaignOutcome, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.campaigns import in_order, triggers_of
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import LINK, Journey
from etapa.rehearsal.file_findings import FileFinding, FileLook
from etapa.rehearsal.identities import Gone, Linked
from etapa.rehearsal.readings import Touchpoints, readings
from etapa.rehearsal.replay import Replay
from etapa.rehearsal.sampling import Cell, DifferingCustomer, in_turns, stable_hash
from etapa.rehearsal.unsettled import Made, Moved, Parting, Triggered, Unsettled, time_of, told_by
from etapa.sources.lines import Lines


class Side:
    """One of the two journeys, with what it did."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.replay = Replay(compile_journey(journey))
        self.changes = 0
        self.only_here = 0
        """Number of stage changes that the other journey does not make: same customer, from, to and time."""
        self.triggers: Counter[str] = Counter()
        """Number of triggers by campaign, including those for holdout groups."""
        self.triggers_only_here: Counter[str] = Counter()
        """By campaign: number of triggers that the other journey does not give the same customer at the same time."""
        self.duplicates = 0
        """Number of touchpoints that were recognised as repeats."""
        self.unjudged = 0
        """Number of touchpoints and timers that could not be judged."""
        self.refusal: Rejected | None = None
        """Why the latest link was refused, if it was."""
        self._gone: dict[str, StageChange] = {}
        """The last changes of ids that are no longer used."""
        self.last: dict[str, StageChange] = {}
        """By customer."""

    def take(self, touchpoint: Touchpoint) -> Iterator[StageChange | Release]:
        """The changes that a touchpoint makes, in order of time. They are computed lazily, since there may be any number of them."""
        if touchpoint.at < self.journey.accept_from:
            self.unjudged += 1
            return
        for touched in self.replay.take(touchpoint):
            if isinstance(touched, Rejected):
                if touchpoint.type == LINK and touched.reason != "evaluation_failed":
                    self.refusal = touched
                else:
                    self.unjudged += 1
            else:
                if isinstance(touched, Linked):
                    if touched.gone is not None:
                        self._join(touched.gone)
                else:
                    self.duplicates += touched.duplicate
                self.unjudged += len(touched.failures)
                yield from in_order(touched.changes, touched.released)

    def _join(self, gone: Gone) -> None:
        last = self.last.pop(gone.customer_id, None)
        if last is not None:
            self._gone[gone.customer_id] = last
        if gone.returns_in is not None:
            self.last[gone.kept_id] = self._gone.pop(gone.kept_id)

    def run_timers_of(self, customer_id: str, until: int) -> Iterator[StageChange | Release]:
        fired = self.replay.run_timers_of(customer_id, until, self._dropped)
        return (each for each in fired if not isinstance(each, CampaignOutcome | Gone))

    def made(self, change: StageChange | Release) -> Iterator[Moved | Triggered]:
        """Note a change, or a trigger that had been held. Yields it and its triggers in a form that can be compared between the journeys."""
        if not isinstance(change, Release):
            self.changes += 1
            self.last[change.customer_id] = change
            yield Moved(change.at, change.source, change.to)
        for trigger in triggers_of([change]):
            self.triggers[trigger.campaign] += 1
            yield Triggered(trigger.at, trigger.campaign, trigger.holdout)

    def settle(self, only_here: Made) -> None:
        """Count something that the other journey did not do."""
        for made, number in only_here.items():
            if isinstance(made, Triggered):
                self.triggers_only_here[made.campaign] += number
            else:
                self.only_here += number

    def _dropped(self, _: EvaluationFailed) -> None:
        self.unjudged += 1


@dataclass
class Diff:
    """The differences. Complete when `read` has returned."""

    old: Side
    new: Side
    touchpoints: int = 0
    """Lines that held a touchpoint, including duplicates. Links are not among them."""
    links: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    """Lines that did not, by reason."""
    findings: list[FileFinding] = field(default_factory=list)
    """Oddities of the touchpoints."""
    parted: dict[str, Parting] = field(default_factory=dict)
    """Customers with stage changes that only one of the journeys makes, and the first of these."""
    cells: Counter[Cell] = field(default_factory=Counter)
    """Customers by their stages in both journeys."""
    _unsettled: dict[str, Unsettled] = field(default_factory=dict)
    """For customers for whom the journeys may still turn out to agree."""

    @classmethod
    def between(cls, old: Journey, new: Journey) -> "Diff":
        """Nothing read yet."""
        return cls(Side(old), Side(new))

    def read(
        self,
        lines: Lines | Touchpoints,
        until: int | None,
        *,
        decoder: Decoder,
        on_rejected: Callable[[int, Rejected], None] | None = None,
        wall: int | None = None,
    ) -> None:
        """Run the touchpoints (JSON Lines) through both journeys.

        `until`: microseconds since 1970; at the end, all customers' timers up to and including this time run. None: no timer
        after a customer's last touchpoint fires. `on_rejected`: called with the number of a line, from 1, and why it was left out.
        `wall`: the clock; touchpoints further ahead of it than the decoder allows are left out, as in a worker. None: no limit.
        """
        earliest = min(self.old.journey.accept_from, self.new.journey.accept_from)
        look = FileLook((self.old.journey, self.new.journey), lambda each: self.old.replay.cuts(each) or self.new.replay.cuts(each))
        for number, reading in readings(lines, decoder, wall, earliest):
            if isinstance(reading, Rejected):
                self.rejected[reading.reason] += 1
                if on_rejected is not None:
                    on_rejected(number, reading)
                continue
            if reading.type == LINK:
                refusal = self._link(reading)
                if refusal is not None:
                    self.rejected[refusal.reason] += 1
                    if on_rejected is not None:
                        on_rejected(number, refusal)
                look.link(ignored=self.old.journey.identity is None or self.new.journey.identity is None)
                continue
            self.touchpoints += 1
            clock, repeats = self.new.replay.clock_of(reading.customer_id), self.new.duplicates
            self._take(reading)
            look.see(reading, clock, duplicate=self.new.duplicates > repeats)
        self.findings = look.findings(self.rejected)
        if until is not None:
            for customer_id in self._customers():
                self._compare(customer_id, self.old.run_timers_of(customer_id, until), self.new.run_timers_of(customer_id, until))
        for customer_id, unsettled in self._unsettled.items():
            self._settle(customer_id, unsettled)
        self._unsettled.clear()
        self.cells = Counter(map(self._cell, self._customers()))

    @property
    def customers(self) -> int:
        """How many different customers there were."""
        return self.cells.total()

    @property
    def in_another_stage(self) -> int:
        """Customers whose stage differs."""
        return sum(count for (old, new), count in self.cells.items() if old != new)

    @property
    def by_another_way(self) -> int:
        """Customers who are in the same stage, but came there by other stage changes."""
        return sum(old == new for old, new in map(self._cell, self.parted))

    @property
    def same_changes(self) -> int:
        """Stage changes that both journeys make."""
        return self.old.changes - self.old.only_here

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, including stage changes and campaign triggers."""
        return not (self.parted or self.old.triggers_only_here or self.new.triggers_only_here)

    @property
    def same_triggers(self) -> Counter[str]:
        """Campaign triggers that both journeys give, by campaign."""
        return self.old.triggers - self.old.triggers_only_here

    def samples(self, number: int) -> list[DifferingCustomer]:
        """At most `number` of the customers who differ: always the same ones for the same touchpoints, in whatever order these come.

        They are taken from the cells of the matrix in turn, the largest cell first, so that each kind of difference is seen early.
        Customers who are in the same stage come last.
        """
        found: dict[Cell, list[str]] = {}
        for customer_id in sorted(self.parted, key=stable_hash):
            found.setdefault(self._cell(customer_id), []).append(customer_id)
        by_size = sorted(found, key=lambda cell: (cell[0] == cell[1], -len(found[cell]), str(cell)))
        turns = [in_turns([found[cell] for cell in by_size if (cell[0] == cell[1]) is alike]) for alike in (False, True)]
        chosen = [customer_id for customer_id, _ in zip(chain(*turns), range(number), strict=False)]
        return [DifferingCustomer(each, self.old.last.get(each), self.new.last.get(each), self.parted[each]) for each in chosen]

    def _customers(self) -> Iterator[str]:
        yield from self.old.replay.customers
        # Customers whom only the new journey could judge.
        yield from (each for each in self.new.replay.customers if each not in self.old.replay.customers)

    def _cell(self, customer_id: str) -> Cell:
        old, new = self.old.last.get(customer_id), self.new.last.get(customer_id)
        return (None if old is None else old.to, None if new is None else new.to)

    def _take(self, touchpoint: Touchpoint) -> None:
        old, new = self.old.take(touchpoint), self.new.take(touchpoint)
        kept_in_old, kept_in_new = (side.replay.kept_for(touchpoint.customer_id) for side in (self.old, self.new))
        if kept_in_old == kept_in_new:
            self._compare(kept_in_new, old, new)
        else:
            self._compare(kept_in_old, old, iter(()))
            self._compare(kept_in_new, iter(()), new)

    def _link(self, link: Touchpoint) -> Rejected | None:
        """Compare what a link does. Returns why the new journey refuses it, or the old one if only that does."""
        for side in (self.old, self.new):
            side.refusal = None
        # Only once both have processed it is it clear whose changes these are.
        old, new = list(self.old.take(link)), list(self.new.take(link))
        for kept in dict.fromkeys(each.customer_id for each in (*old, *new)):
            sides = [iter([each for each in side if each.customer_id == kept]) for side in (old, new)]
            self._compare(kept, sides[0], sides[1])
        self.links += 1
        for customer_id in (link.customer_id, link.properties[SAME_AS]):
            if not any(customer_id in side.replay.customers for side in (self.old, self.new)):
                self.parted.pop(customer_id, None)
        return next((side.refusal for side in (self.new, self.old) if side.refusal is not None), None)

    def _compare(self, customer_id: str, old: Iterator[StageChange | Release], new: Iterator[StageChange | Release]) -> None:
        """Compare the changes of both journeys. Both cover the same span of the customer's time (timers run before each touchpoint), in order.

        So they are merged, and what one journey did is settled once both are past its time. What happened at the very end of the span
        stays unsettled: another touchpoint with the same time may cause it in the other journey too.
        """
        first_of_old, first_of_new = next(old, None), next(new, None)
        if first_of_old is None and first_of_new is None:
            # The usual case.
            return
        unsettled = self._unsettled.get(customer_id)
        for change, is_old in merge(told_by(first_of_old, old, is_old=True), told_by(first_of_new, new, is_old=False), key=time_of):
            if unsettled is None or change.at > unsettled.at:
                if unsettled is not None:
                    self._settle(customer_id, unsettled)
                unsettled = self._unsettled[customer_id] = Unsettled(change.at)
            for made in (self.old if is_old else self.new).made(change):
                unsettled.add(made, is_old=is_old, change=None if isinstance(change, Release) else change)
        if unsettled is not None and not (unsettled.old or unsettled.new):
            self._unsettled.pop(customer_id, None)

    def _settle(self, customer_id: str, only: Unsettled) -> None:
        self.old.settle(only.old)
        self.new.settle(only.new)
        sides = ((only.old, "old"), (only.new, "new"))
        moves = [
            Parting(made.at, made.source, made.to, name, only.changes[made, name == "old"])
            for side, name in sides
            for made in side
            if isinstance(made, Moved)
        ]
        if moves:
            self.parted.setdefault(customer_id, min(moves, key=lambda parting: parting.at))
