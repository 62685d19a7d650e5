"""A consumer group in memory: members and their assignments. All partitions are revoked before any is assigned (eager rebalances)."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

import msgspec

from tests.simulation.machines.loop import SimulationLoop


class UnknownMember(Exception):
    """The group has expelled this member."""


class Assignment(msgspec.Struct, frozen=True):
    """The partitions assigned to a member, until the next generation."""

    generation: int
    partitions: tuple[int, ...]


@dataclass
class _Seat:
    heard_at: float
    joined: bool = True
    assignment: Assignment | None = None


class Group:
    """The coordinator. A member that is silent for `session` seconds is expelled; members have `rebalance` seconds to join again."""

    def __init__(
        self, loop: SimulationLoop, partitions: int, session: float, rebalance: float, random: Random, note: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._partitions = partitions
        self.session = session
        self._rebalance = rebalance
        self._random = random
        self._note = note
        self._seats: dict[str, _Seat] = {}
        self._generation = 0
        self._preparing = False
        self._look()

    @property
    def stable(self) -> bool:
        """Whether every partition is assigned."""
        return bool(self._seats) and not self._preparing

    def owners(self) -> dict[int, str]:
        """The member to which each partition is assigned."""
        return {
            partition: name for name, seat in self._seats.items() if seat.assignment is not None for partition in seat.assignment.partitions
        }

    def join(self, name: str) -> None:
        """A member asks for partitions; it has given up those that it had."""
        self._seats[name] = _Seat(self._loop.time())
        self._prepare()
        self._complete_when_all_are_there()

    def sync(self, name: str) -> Assignment | None:
        """The member's assignment; None while others have not given up theirs yet."""
        seat = self._heard(name)
        return None if self._preparing else seat.assignment

    def heartbeat(self, name: str, generation: int) -> Literal["fine", "rebalance"]:
        """The member is alive. `rebalance`: it must give up everything and join again."""
        self._heard(name)
        return "fine" if generation == self._generation and not self._preparing else "rebalance"

    def leave(self, name: str) -> None:
        """The member leaves for good."""
        if self._seats.pop(name, None) is not None:
            self._prepare()
            self._complete_when_all_are_there()

    def _heard(self, name: str) -> _Seat:
        if name not in self._seats:
            raise UnknownMember(name)
        seat = self._seats[name]
        seat.heard_at = self._loop.time()
        return seat

    def _look(self) -> None:
        """Expel members that have been silent for too long."""
        silent = [name for name, seat in self._seats.items() if self._loop.time() - seat.heard_at > self.session]
        for name in silent:
            self._note(f"group gives up {name}")
            self.leave(name)
        self._loop.call_later(1.0, self._look)

    def _prepare(self) -> None:
        if self._preparing:
            return
        self._preparing = True
        self._generation += 1
        for seat in self._seats.values():
            seat.joined = seat.assignment is None
        self._loop.call_later(self._rebalance, self._complete_without_the_late, self._generation)

    def _complete_when_all_are_there(self) -> None:
        if self._preparing and all(seat.joined for seat in self._seats.values()):
            self._complete()

    def _complete_without_the_late(self, generation: int) -> None:
        if self._preparing and generation == self._generation:
            self._seats = {name: seat for name, seat in self._seats.items() if seat.joined}
            self._complete()

    def _complete(self) -> None:
        self._preparing = False
        names = list(self._seats)
        self._random.shuffle(names)
        for position, name in enumerate(names):
            seat = self._seats[name]
            seat.heard_at = self._loop.time()
            seat.assignment = Assignment(self._generation, tuple(range(position, self._partitions, len(names))))
            self._note(f"group gives {name} {seat.assignment.partitions}")
