"""What may happen in the model of moving customers: batches, crashes, repeated records."""

from collections.abc import Iterator

from tests.model.moving import Kind, Moving, MovingBatch, MovingScenario, Place, PublishedChange, SentTransfer, Stored, Touch
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
        return _Owner(self._scenario, state, number).batches()

    def stored(self, state: Moving, number: int, batch: MovingBatch) -> Moving:
        changes = tuple(sorted(state.changes + batch.changes, key=_customer)) if batch.changes else state.changes
        return with_place(state, number, stored=batch.stored, claimed=batch.claimed, cleared=batch.cleared)._replace(changes=changes)

    def successor(self, place: Place, stored: Stored) -> Place:
        return Place(stored, place.incoming)

    def name(self, sent: SentTransfer) -> str:
        return sent.kind


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
        self._before, self._after = dict(scenario.before), dict(scenario.after)

    def batches(self) -> Iterator[tuple[str, MovingBatch]]:
        """Each batch that it may commit now. Which input comes first is open."""
        stored = self._stored
        if stored.transfers < len(self._place.incoming):
            yield self._transfer(self._place.incoming[stored.transfers])
        if not stored.adopted:
            yield "adopts the layout", self._batch(stored._replace(adopted=True))
        if stored.touchpoints < len(self._scenario.touchpoints[self._me]):
            touch = self._scenario.touchpoints[self._me][stored.touchpoints]
            if not touch.new or self._all_adopted():
                yield from self._touchpoint(touch, stored._replace(touchpoints=stored.touchpoints + 1))
        for position, touch in enumerate(stored.aside):
            if touch.customer in self._here or touch.customer in self._place.cleared:
                left = stored.aside[:position] + stored.aside[position + 1 :]
                yield f"judges {touch.customer}{touch.number}, set aside", self._judged(touch, stored._replace(aside=left))
        if stored.adopted and self._me not in stored.ended:
            leaving = [customer for customer in self._here if self._after[customer] != self._me]
            for customer in leaving:
                yield f"moves {customer}", self._leave(customer, stored)
            if not leaving or "ends_last" in self._off:
                ended = stored._replace(ended=stored.ended | {self._me})
                others = [place for place in range(len(stored.sent)) if place != self._me]
                yield "ends", self._batch(ended, *[(place, "finished", "") for place in others])

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
    ) -> MovingBatch:
        """The batch with its sends numbered."""
        sent = list(stored.sent)
        transfers = []
        for to, kind, customer in sends:
            sent[to] += 1
            transfers.append((to, SentTransfer(self._me, sent[to], kind, customer, applied)))
        place = self._place
        return MovingBatch(
            stored._replace(sent=tuple(sent)),
            tuple(transfers),
            changes,
            place.claimed if claimed is None else claimed,
            place.cleared if cleared is None else cleared,
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
        if customer in self._away:
            return self._away[customer]
        home = self._after[customer]
        return home if self._stored.adopted and home != self._me else None

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
        touch = Touch(customer, transfer.applied[0], new=False)
        to = self._away.get(customer)
        if to is not None and "forwards" not in self._off:
            return f"forwards {customer} on", self._batch(stored, (to, "touchpoint", customer), applied=transfer.applied)
        return name, self._judged(touch, stored)
