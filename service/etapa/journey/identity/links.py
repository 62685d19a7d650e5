"""Which ids are one person's, and which of them is kept, whatever the order in which links arrive.

A person is a tree of links: the earliest ones that hold its ids together, which is a minimum spanning tree with time as the weight
(J. B. Kruskal, 1956). A link that closes a circle takes the place of the latest one in it. So the tree, and the id that is kept, follow
from the set of links alone.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple

MOST_IDS: Final = 256
"""Most ids of one person. More of them are a shared device or a program's mistake, and uniting them would cost ever more."""


class IdLink(NamedTuple):
    """`moved` is the same person as `kept`, as of `at` (microseconds since 1970). Links are ordered by these three."""

    at: int
    moved: str
    kept: str


class Refusal(Enum):
    """Why a link joins nobody."""

    CYCLE = "cycle"
    """It says the reverse of what earlier links say."""
    CROWD = "crowd"
    """The person would have too many ids."""


class Person:
    """All ids of one person, and the links that hold them together."""

    __slots__ = ("ids", "kept", "tree")

    def __init__(self, ids: Sequence[str], tree: Sequence[IdLink], kept: str) -> None:
        self.ids: Final = ids
        self.tree: Final = tree
        self.kept: Final = kept
        """The id under which the person is kept."""


class Joining(NamedTuple):
    """What a link does: who was under the id `gone` is under `kept` from now on. The two are equal if only later links may show a difference."""

    gone: str
    kept: str
    are_two: bool
    """Whether it joins two people. False: it only changes which id of one person is kept."""
    person: Person


class Links:
    """All links so far. Its memory grows with the number of linked ids."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        """By each of their ids."""

    def kept_for(self, customer_id: str) -> str:
        """The id under which the customer is kept."""
        person = self._people.get(customer_id)
        return customer_id if person is None else person.kept

    def take(self, joining: Joining) -> None:
        """Let a link take effect that `judge` has found to do so, with nothing taken in between."""
        self._people.update(dict.fromkeys(joining.person.ids, joining.person))

    def judge(self, link: IdLink) -> Joining | Refusal | None:
        """What a link between two different ids would do. None: nothing that anybody could see."""
        first, second = self._of(link.moved), self._of(link.kept)
        if first is second:
            return self._again(first, link)
        if len(first.ids) + len(second.ids) > MOST_IDS:
            return Refusal.CROWD
        tree = sorted([*first.tree, *second.tree, link])
        person = Person([*first.ids, *second.ids], tree, _kept_by(tree))
        # Links move whole people, so the id that is kept is that of one or the other.
        return Joining(second.kept if person.kept == first.kept else first.kept, person.kept, are_two=True, person=person)

    def _of(self, customer_id: str) -> Person:
        return self._people.get(customer_id) or Person([customer_id], [], customer_id)

    def _again(self, person: Person, link: IdLink) -> Joining | Refusal | None:
        """A link between two ids of one person."""
        tree = _earliest(sorted([*person.tree, link]))
        if link not in tree:
            return Refusal.CYCLE if _moves(person.tree, link.kept, link.moved) else None
        if tree == person.tree:
            return None
        return Joining(person.kept, _kept_by(tree), are_two=False, person=Person(person.ids, tree, _kept_by(tree)))


class _Moves:
    """Where ids have moved, link by link."""

    def __init__(self) -> None:
        self._to: dict[str, str] = {}

    def end_of(self, customer_id: str) -> str:
        *_, end = self.way_of(customer_id)
        return end

    def way_of(self, customer_id: str) -> Iterable[str]:
        at: str | None = customer_id
        while at is not None:
            yield at
            at = self._to.get(at)

    def follow(self, link: IdLink) -> bool:
        """Move everybody under one id to the other. Returns false if they are one already."""
        moved, kept = self.end_of(link.moved), self.end_of(link.kept)
        if moved == kept:
            return False
        self._to[moved] = kept
        return True


def _earliest(links: Sequence[IdLink]) -> list[IdLink]:
    """Those of the links, given in order, that join something not joined by the ones before."""
    moves = _Moves()
    return [link for link in links if moves.follow(link)]


def _kept_by(tree: Sequence[IdLink]) -> str:
    moves = _Moves()
    for link in tree:
        moves.follow(link)
    return moves.end_of(tree[0].moved)


def _moves(tree: Sequence[IdLink], customer_id: str, to: str) -> bool:
    """Whether links have moved one id to, or by way of, the other."""
    moves = _Moves()
    for link in tree:
        moves.follow(link)
    return to in moves.way_of(customer_id)
