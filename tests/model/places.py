"""What may happen at places that send records to each other, whatever the records say: batches, crashes, repeated records."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar

from tests.model.search import ModelStep


class ModelState(Hashable, Protocol):
    """A state of the model. Its places are tuples that have at least `stored`, `incoming`, `paused` and `unsent`."""

    @property
    def places(self) -> tuple[Any, ...]: ...
    @property
    def crashes(self) -> int:
        """How many may still happen."""

    @property
    def repeats(self) -> int:
        """How many records may still come twice."""

    def _replace(self, *arguments: Any, **fields: Any) -> Self: ...


class ModelBatch(Protocol):
    """What one transaction holds."""

    @property
    def sends(self) -> tuple[tuple[int, Any], ...]:
        """Pairs of a place and a record for it."""


State = TypeVar("State", bound=ModelState)
Batch = TypeVar("Batch", bound=ModelBatch)


class FaultyPlaces(ABC, Generic[State, Batch]):
    """The places of a model, without the safeguards in `off`."""

    def __init__(self, off: frozenset[str]) -> None:
        self._off = off

    @abstractmethod
    def batches(self, state: State, number: int) -> Iterable[tuple[str, Batch]]:
        """Each batch that the place may commit now, with its name."""

    @abstractmethod
    def stored(self, state: State, number: int, batch: Batch) -> State:
        """The state after a batch was committed, but for what it sends."""

    @abstractmethod
    def successor(self, place: Any, stored: Any) -> Any:
        """The place under an owner that knows what the log says, and nothing else."""

    @abstractmethod
    def name(self, sent: Any) -> str:
        """What to call a record that comes twice."""

    def steps(self, state: State) -> Iterator[ModelStep[State]]:
        """Everything that may happen next."""
        for number, place in enumerate(state.places):
            yield from self._batch_steps(state, number, place)
            if place.unsent:
                yield ModelStep(f"{number} sends", deliver(_with(state, number, place._replace(unsent=())), place.unsent), is_fault=False)
            if place.paused is not None:
                late = _with(state, number, place._replace(paused=None))
                yield ModelStep(f"{number}'s predecessor wakes up", self._committed(late, number, place.paused), is_fault=False)
            if state.crashes:
                crashed = self._crashed(state, number)
                if crashed.places[number] != place:
                    yield ModelStep(f"{number} crashes", crashed, is_fault=True)
            for sent in dict.fromkeys(place.incoming) if state.repeats else ():
                again = deliver(state, ((number, sent),))._replace(repeats=state.repeats - 1)
                yield ModelStep(f"{number} gets {self.name(sent)} again", again, is_fault=True)

    def _batch_steps(self, state: State, number: int, place: Any) -> Iterator[ModelStep[State]]:
        for name, batch in () if place.unsent else self.batches(state, number):
            yield ModelStep(f"{number} {name}", self._committed(state, number, batch), is_fault=False)
            if state.crashes and batch.sends and "sends_within" in self._off:
                dies = deliver(self._crashed(state, number), batch.sends)
                yield ModelStep(f"{number} {name}: sends, and crashes before it commits", dies, is_fault=True)
            if state.crashes and "fence" in self._off:
                paused = self._crashed(state, number)
                paused = _with(paused, number, paused.places[number]._replace(paused=batch))
                yield ModelStep(f"{number} pauses before it {name}, and is replaced", paused, is_fault=True)

    def _committed(self, state: State, number: int, batch: Batch) -> State:
        after = self.stored(state, number, batch)
        if "sends_with_it" in self._off:
            return _with(after, number, after.places[number]._replace(unsent=batch.sends))
        return deliver(after, batch.sends)

    def _crashed(self, state: State, number: int) -> State:
        place = state.places[number]
        stored = place.stored
        if "marks_both" in self._off:
            stored = stored._replace(transfers=0, taken=(0,) * len(stored.taken))
        return _with(state, number, self.successor(place, stored))._replace(crashes=state.crashes - 1)


def with_place(state: State, number: int, **fields: Any) -> State:
    """The state with these fields of one place changed."""
    return _with(state, number, state.places[number]._replace(**fields))


def deliver(state: State, sends: Iterable[tuple[int, Any]]) -> State:
    """The state with each record at the end of the input of its place."""
    for to, sent in sends:
        state = with_place(state, to, incoming=(*state.places[to].incoming, sent))
    return state


def _with(state: State, number: int, place: Any) -> State:
    return state._replace(places=(*state.places[:number], place, *state.places[number + 1 :]))
