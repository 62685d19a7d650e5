"""What a place forwarded in earlier layouts has to arrive before it reads on in `touchpoints`, or later touchpoints would overtake it. Pure.

It asks all other places; each answers behind all that came before. What they forwarded again may still be at a third place,
which is asked again in a second round. In docs/moving-customers.md this is *settling*.
"""

from collections.abc import Collection
from typing import Final

from etapa.contracts.stored.transfer import SettlingAnswered, SettlingAsked, TopicLayout

ROUNDS: Final = 2
"""What is forwarded passes at most two places before it comes to its customer's home in the layout before."""


class EarlierForwards:
    """Whether what was forwarded before the present layout may still be on its way. After a takeover it is asked for again."""

    def __init__(self, settled: int) -> None:
        """`settled`: the generation of the last layout in which it has arrived, from the mark."""
        self.settled = settled
        self._generation = 0
        self._round = 0
        self._awaited: set[int] = set()
        self._sent_before: frozenset[int] | None = None
        """To which places something was sent before the present layout; none: not known, since that was before the takeover."""

    def adopt(self, layout: TopicLayout, sent_to: Collection[int], *, has_arrived: bool) -> None:
        """This layout is followed from now on. `has_arrived`: whether what was forwarded before the last one had arrived."""
        self._sent_before = frozenset(sent_to) if has_arrived else None
        if not sent_to:
            # Nothing of ours is on its way.
            self.settled = layout.generation

    def questions(self, layout: TopicLayout, sent_to: Collection[int], others: Collection[int]) -> dict[int, SettlingAsked]:
        """What to ask which places now; `others` are those of the layout and of the one before. Empty while answers are awaited, or none are needed."""
        if self.settled >= layout.generation:
            return {}
        if self._generation != layout.generation:
            self._generation, self._round, self._awaited = layout.generation, 0, set()
        if self._awaited:
            return {}
        self._round += 1
        passed = {*sent_to, *others}
        if self._sent_before is not None:
            # Nothing has passed a place that this layout added: it may have no owner yet, and nobody needs its answer.
            passed = {*self._sent_before, *(place for place in others if place < layout.before)}
        self._awaited = passed if sent_to and self._round <= ROUNDS else set()
        if not self._awaited:
            self.settled = layout.generation
        return {place: SettlingAsked(layout, self._round) for place in sorted(self._awaited)}

    def hear(self, place: int, answer: SettlingAnswered) -> None:
        """A place has taken in what was sent to it before the question. Answers to a predecessor's questions count: they came before ours."""
        if (answer.layout.generation, answer.round) == (self._generation, self._round):
            self._awaited.discard(place)
