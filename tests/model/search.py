"""A breadth-first search of every state that a model can reach: the first violation found has the shortest trace."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

Scenario = TypeVar("Scenario")
State = TypeVar("State", bound=Hashable)


class ModelStep(NamedTuple, Generic[State]):
    """Something that may happen in a state, and the state after it. A fault may fail to happen; everything else happens some day."""

    name: str
    state: State
    is_fault: bool


class Searched(NamedTuple):
    """The result of a search: how many states there were, and the first violation with the steps that lead to it."""

    states: int
    at_rest: int
    """States in which nothing more happens by itself."""
    violation: str | None
    trace: tuple[str, ...]


class TooManyStates(Exception):
    """The model is larger than the bound of the search, so the search proves nothing."""


def search(
    scenario: Scenario,
    beginning: Callable[[Scenario], State],
    steps: Callable[[Scenario, State], Iterable[ModelStep[State]]],
    violation_in: Callable[[Scenario, State], str | None],
    violation_at_rest: Callable[[Scenario, State], str | None],
    most: int,
) -> Searched:
    """Visit every reachable state and check each; those at rest are checked for what must be finished then too.

    A model without endless circles needs no more for the proof that everything finishes: what cannot go on is at rest.
    Raises `TooManyStates` beyond `most` states.
    """
    initial = beginning(scenario)
    came_from: dict[State, tuple[State | None, str]] = {initial: (None, "")}
    waiting = deque([initial])
    at_rest = 0
    while waiting:
        state = waiting.popleft()
        following = list(steps(scenario, state))
        wrong = violation_in(scenario, state)
        if wrong is None and all(step.is_fault for step in following):
            at_rest += 1
            wrong = violation_at_rest(scenario, state)
        if wrong is not None:
            return Searched(len(came_from), at_rest, wrong, _trace(came_from, state))
        for step in following:
            if step.state not in came_from:
                came_from[step.state] = (state, step.name)
                waiting.append(step.state)
        if len(came_from) > most:
            raise TooManyStates(f"more than {most:,} states")
    return Searched(len(came_from), at_rest, None, ())


def _trace(came_from: dict[State, tuple[State | None, str]], state: State) -> tuple[str, ...]:
    names: list[str] = []
    before: State | None = state
    while before is not None:
        before, name = came_from[before]
        names.append(name)
    return tuple(reversed(names[:-1]))
