"""What may happen in the model of moving customers: batches, crashes, repeated records."""

from collections.abc import Iterator

from tests.model.moving import Kind, Moving, MovingBatch, MovingScenario, Place, PublishedChange, SentTransfer, Stored, Touch
from tests.model.search import ModelStep


def steps(scenario: MovingScenario, moving: Moving) -> Iterator[ModelStep[Moving]]:
    """Everything that may happen next."""
    off = scenario.off
    for number, place in enumerate(moving.places):
        batches = [] if place.unsent else list(_Owner(scenario, moving, number).batches())
        for name, batch in batches:
            yield ModelStep(f"{number} {name}", _committed(scenario, moving, number, batch), is_fault=False)
            if moving.crashes and batch.sends and "sends_within" in off:
                dies = _deliver(_crashed(scenario, moving, number), batch.sends)
                yield ModelStep(f"{number} {name}: sends, and crashes before it commits", dies, is_fault=True)
            if moving.crashes and "fence" in off:
                paused = _crashed(scenario, moving, number)
                paused = _with(paused, number, paused.places[number]._replace(paused=batch))
                yield ModelStep(f"{number} pauses before it {name}, and is replaced", paused, is_fault=True)
        if place.unsent:
            sent = _deliver(_with(moving, number, place._replace(unsent=())), place.unsent)
            yield ModelStep(f"{number} sends", sent, is_fault=False)
        if place.paused is not None:
            late = _with(moving, number, place._replace(paused=None))
            yield ModelStep(f"{number}'s predecessor wakes up", _committed(scenario, late, number, place.paused), is_fault=False)
        if moving.crashes and (place.claimed or place.cleared or place.unsent or "marks_both" in off):
            yield ModelStep(f"{number} crashes", _crashed(scenario, moving, number), is_fault=True)
        if moving.repeats:
            for transfer in dict.fromkeys(place.incoming):
                again = _with(moving, number, place._replace(incoming=(*place.incoming, transfer)))
                yield ModelStep(f"{number} gets {transfer.kind} again", again._replace(repeats=moving.repeats - 1), is_fault=True)


def _with(moving: Moving, number: int, place: Place) -> Moving:
    return moving._replace(places=(*moving.places[:number], place, *moving.places[number + 1 :]))


def _deliver(moving: Moving, sends: tuple[tuple[int, SentTransfer], ...]) -> Moving:
    for to, transfer in sends:
        moving = _with(moving, to, moving.places[to]._replace(incoming=(*moving.places[to].incoming, transfer)))
    return moving


def _committed(scenario: MovingScenario, moving: Moving, number: int, batch: MovingBatch) -> Moving:
    place = moving.places[number]._replace(stored=batch.stored, claimed=batch.claimed, cleared=batch.cleared)
    later = "sends_with_it" in scenario.off
    if later:
        place = place._replace(unsent=batch.sends)
    changes = moving.changes + batch.changes
    moved = _with(moving, number, place)._replace(changes=tuple(sorted(changes, key=_customer)) if batch.changes else changes)
    return moved if later else _deliver(moved, batch.sends)


def _customer(change: PublishedChange) -> str:
    return change.customer


def _crashed(scenario: MovingScenario, moving: Moving, number: int) -> Moving:
    """A successor takes over: it knows what the log says, and nothing else."""
    place = moving.places[number]
    stored = place.stored
    if "marks_both" in scenario.off:
        stored = stored._replace(transfers=0, taken=(0,) * len(stored.taken))
    successor = Place(stored, place.incoming)
    return _with(moving, number, successor)._replace(crashes=moving.crashes - 1)


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
