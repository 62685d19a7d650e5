"""What may happen in the model of moving customers: batches, crashes, repeated records."""

from collections.abc import Iterator

from tests.model.moving import ROUNDS, Kind, Moving, MovingBatch, MovingScenario, Place, PublishedChange, SentTransfer, Stored, Touch
from tests.model.places import FaultyPlaces, with_place
from tests.model.search import ModelStep


def steps(scenario: MovingScenario, moving: Moving) -> Iterator[ModelStep[Moving]]:
    """Everything that may happen next."""
    return _MovingPlaces(scenario).steps(moving)


class _MovingPlaces(FaultyPlaces[Moving, MovingBatch]):
    def __init__(self, scenario: MovingScenario) -> None:
        super().__init__(scenario.off)
        self._scenario = scenario

    def batches(self, state: Moving, number: int) -> Iterator[tuple[str, MovingBatch]]:
        if number in self._scenario.added and not any(place.stored.adopted == 2 for place in _earlier(self._scenario, state)):
            # Nobody has announced it yet.
            return
        # Each with an owner of its own, which remembers what it follows in its batch.
        for kind in (_Owner.transfers, _Owner.layouts, _Owner.touchpoints, _Owner.set_aside, _Owner.leaving):
            yield from kind(_Owner(self._scenario, state, number))

    def stored(self, state: Moving, number: int, batch: MovingBatch) -> Moving:
        changes = tuple(sorted(state.changes + batch.changes, key=_customer)) if batch.changes else state.changes
        return with_place(state, number, stored=batch.stored, claimed=batch.claimed, cleared=batch.cleared, awaited=batch.awaited)._replace(
            changes=changes
        )

    def successor(self, place: Place, stored: Stored) -> Place:
        return Place(stored, place.incoming)

    def name(self, sent: SentTransfer) -> str:
        return sent.kind


def _earlier(scenario: MovingScenario, state: Moving) -> list[Place]:
    """The places that there were before the second change."""
    return [place for number, place in enumerate(state.places) if number not in scenario.added]


def _customer(change: PublishedChange) -> str:
    return change.customer


class _Owner:
    """The owner of one place, about to process a batch."""

    def __init__(self, scenario: MovingScenario, moving: Moving, number: int) -> None:
        self._scenario = scenario
        self._off = scenario.off
        self._moving = moving
        self._me = number
        place = moving.places[number]
        self._place = place
        self._stored = place.stored
        self._here = dict(place.stored.here)
        self._away = dict(place.stored.away)
        self._homes = [dict(homes) for homes in (scenario.before, scenario.after, scenario.then or scenario.after)]
        self._awaited = place.awaited
        self._follow(place.stored)

    def _follow(self, stored: Stored) -> Stored:
        """Take homes from the layout that is followed."""
        layout = max(1, stored.adopted)
        self._before, self._after = self._homes[layout - 1], self._homes[layout]
        return stored

    def _adopting(self, stored: Stored) -> Stored:
        """Follow the second change from now on. Nobody is home in it yet."""
        return self._follow(stored._replace(adopted=2, ended=self._scenario.added, settled=not any(stored.sent)))

    def transfers(self) -> Iterator[tuple[str, MovingBatch]]:
        """The next record of `transfers`, taken in."""
        if self._stored.transfers < len(self._place.incoming):
            yield self._transfer(self._place.incoming[self._stored.transfers])

    def layouts(self) -> Iterator[tuple[str, MovingBatch]]:
        """A layout, adopted as announced."""
        if not self._stored.adopted:
            yield "adopts the layout", self._batch(self._stored._replace(adopted=1))
        elif self._stored.adopted == 1 and self._scenario.then and self._all_at_home():
            yield "adopts the second layout", self._batch(self._adopting(self._stored))

    def touchpoints(self) -> Iterator[tuple[str, MovingBatch]]:
        """The next record of `touchpoints`. Which input comes first is open."""
        stored = self._stored
        if stored.touchpoints < len(self._scenario.touchpoints[self._me]):
            touch = self._scenario.touchpoints[self._me][stored.touchpoints]
            if self._is_settling():
                if not self._awaited[1]:
                    yield "asks whether all has arrived", self._asking(stored)
            elif not touch.new or self._all_adopted():
                yield from self._touchpoint(touch, stored._replace(touchpoints=stored.touchpoints + 1))

    def set_aside(self) -> Iterator[tuple[str, MovingBatch]]:
        """Touchpoints that others overtook."""
        for position, touch in enumerate(self._stored.aside):
            if touch.customer in self._here or touch.customer in self._place.cleared:
                left = self._stored.aside[:position] + self._stored.aside[position + 1 :]
                yield f"judges {touch.customer}{touch.number}, set aside", self._judged(touch, self._stored._replace(aside=left))

    def leaving(self) -> Iterator[tuple[str, MovingBatch]]:
        """A customer who has to leave, or the news that there is none."""
        stored = self._stored
        if stored.adopted and self._me not in stored.ended:
            leaving = [customer for customer in self._here if self._after[customer] != self._me]
            for customer in leaving:
                yield f"moves {customer}", self._leave(customer, stored)
            if not leaving or "ends_last" in self._off:
                ended = stored._replace(ended=stored.ended | {self._me})
                others = [place for place in range(len(stored.sent)) if place != self._me and self._has_begun(place, stored)]
                yield "ends", self._batch(ended, *[(place, "finished", "") for place in others])

    def _has_begun(self, place: int, stored: Stored) -> bool:
        """Whether a place takes part in the layout that is followed."""
        return stored.adopted == 2 or place not in self._scenario.added

    def _all_at_home(self) -> bool:
        """Whether the second change may be announced: everybody is at home in the first, and every place knows it."""
        places = [place.stored for place in _earlier(self._scenario, self._moving)]
        return all(place.adopted == 2 or (place.adopted and len(place.ended) >= len(self._moving.places)) for place in places)

    def _is_settling(self) -> bool:
        stored = self._stored
        return stored.adopted == 2 and not stored.settled and "settles" not in self._off

    def _asking(self, stored: Stored) -> MovingBatch:
        """Ask all others whether what was sent to them has been taken in, or note that it has. Nothing has passed a place that was added since."""
        asked = self._awaited[0] + 1
        others = [place for place in range(len(stored.sent)) if place != self._me and place not in self._scenario.added]
        if asked > min(ROUNDS, len(others)):
            self._awaited = 0, frozenset()
            return self._batch(stored._replace(settled=True))
        self._awaited = asked, frozenset(others)
        return self._batch(stored, *[(place, "settle", "") for place in others], turn=asked)

    def _all_adopted(self) -> bool:
        return "adopts_first" in self._off or all(place.stored.adopted for place in self._moving.places)

    def _batch(
        self,
        stored: Stored,
        *sends: tuple[int, Kind, str],
        changes: tuple[PublishedChange, ...] = (),
        applied: tuple[int, ...] = (),
        claimed: frozenset[str] | None = None,
        cleared: frozenset[str] | None = None,
        turn: int = 0,
    ) -> MovingBatch:
        """The batch with its sends numbered."""
        sent = list(stored.sent)
        transfers = []
        for to, kind, customer in sends:
            sent[to] += 1
            transfers.append((to, SentTransfer(self._me, sent[to], kind, customer, applied, stored.adopted, turn)))
        place = self._place
        return MovingBatch(
            stored._replace(sent=tuple(sent)),
            tuple(transfers),
            changes,
            place.claimed if claimed is None else claimed,
            place.cleared if cleared is None else cleared,
            self._awaited,
        )

    def _judged(self, touch: Touch, stored: Stored) -> MovingBatch:
        """Judge it here. Who is not known here is new; a touchpoint that was judged before is a duplicate."""
        applied = self._here.get(touch.customer, ())
        if touch.number in applied:
            return self._batch(stored)
        here = {**self._here, touch.customer: (*applied, touch.number)}
        change = PublishedChange(touch.customer, touch.number, len(applied) + 1)
        return self._batch(stored._replace(here=tuple(sorted(here.items()))), changes=(change,))

    def _touchpoint(self, touch: Touch, stored: Stored) -> Iterator[tuple[str, MovingBatch]]:
        """A record of `touchpoints`: judged, forwarded, or left to wait. `stored` has it done."""
        customer, name = touch.customer, f"{touch.customer}{touch.number}"
        elsewhere = self._elsewhere(customer)
        if elsewhere is not None and "forwards" not in self._off:
            yield f"forwards {name}", self._batch(stored, (elsewhere, "touchpoint", customer), applied=(touch.number,))
        elif elsewhere is None and self._may_be_on_the_way(customer):
            if customer not in self._place.claimed:
                claims = self._place.claimed | {customer}
                yield f"claims {customer}", self._batch(self._stored, (self._before[customer], "claim", customer), claimed=claims)
            elif "waits_in_order" in self._off:
                yield f"sets {name} aside", self._batch(stored._replace(aside=(*stored.aside, touch)))
        else:
            yield f"judges {name}", self._judged(touch, stored)

    def _elsewhere(self, customer: str) -> int | None:
        """Where the customer's touchpoints go from here; none: nowhere."""
        if customer in self._here:
            return None
        home, before = self._after[customer], self._before[customer]
        comes_back = self._stored.adopted == 2 and home == self._me and before != self._me and before not in self._stored.ended
        if customer in self._away and not (comes_back and "claims_back" not in self._off):
            return self._away[customer]
        if not self._stored.adopted or home == self._me:
            return None
        return home if before == self._me or self._stored.adopted == 1 else before

    def _may_be_on_the_way(self, customer: str) -> bool:
        if "waits" in self._off or customer in self._here or customer in self._place.cleared or not self._stored.adopted:
            return False
        before = self._before[customer]
        return before != self._me and before not in self._stored.ended

    def _leave(self, customer: str, stored: Stored) -> MovingBatch:
        """Move a customer to its new home: a forwarding address here, everything else in one transfer."""
        to = self._after[customer]
        here = tuple(item for item in stored.here if item[0] != customer)
        away = tuple(sorted({**dict(stored.away), customer: to}.items()))
        return self._batch(stored._replace(here=here, away=away), (to, "state", customer), applied=self._here[customer])

    def _transfer(self, transfer: SentTransfer) -> tuple[str, MovingBatch]:
        stored = self._stored._replace(transfers=self._stored.transfers + 1)
        sender, customer = transfer.sender, transfer.customer
        if transfer.layout == 2 > stored.adopted and not (transfer.kind == "state" and "tells_layout" in self._off):
            stored = self._adopting(stored)
        name = f"takes {transfer.kind} {customer} in"
        if "numbers" not in self._off:
            if transfer.number <= stored.taken[sender]:
                return f"passes a repeated {transfer.kind} over", self._batch(stored)
            taken = (*stored.taken[:sender], transfer.number, *stored.taken[sender + 1 :])
            stored = stored._replace(taken=taken)
        if transfer.kind == "state":
            here = {**self._here, customer: transfer.applied}
            away = tuple(item for item in stored.away if item[0] != customer)
            return name, self._batch(stored._replace(here=tuple(sorted(here.items())), away=away))
        if transfer.kind == "claim":
            if customer in self._here:
                return name, self._leave(customer, stored)
            return name, self._batch(stored, (sender, "none", customer))
        if transfer.kind == "none":
            return name, self._batch(stored, cleared=self._place.cleared | {customer})
        if transfer.kind == "finished":
            return name, self._batch(stored._replace(ended=stored.ended | {sender}))
        return name, self._settled(transfer, stored) if transfer.kind.startswith("settle") else self._forwarded(transfer, stored)

    def _forwarded(self, transfer: SentTransfer, stored: Stored) -> MovingBatch:
        """A touchpoint that was read elsewhere."""
        customer = transfer.customer
        touch = Touch(customer, transfer.applied[0], new=False)
        self._stored = stored
        to = self._elsewhere(customer)
        if to is not None and "forwards" not in self._off:
            return self._batch(stored, (to, "touchpoint", customer), applied=transfer.applied)
        return self._judged(touch, stored)

    def _settled(self, transfer: SentTransfer, stored: Stored) -> MovingBatch:
        """A question, or an answer. Those to a question that was not asked, or in an earlier round, mean nothing."""
        if transfer.kind == "settle":
            return self._batch(stored, (transfer.sender, "settled", ""), turn=transfer.round)
        asked, awaited = self._awaited
        if transfer.round == asked and transfer.sender in awaited:
            self._awaited = asked, awaited - {transfer.sender}
            if len(awaited) == 1:
                return self._asking(stored)
        return self._batch(stored)
