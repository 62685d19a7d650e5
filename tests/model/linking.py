"""A model of links between people who live at different places, while workers crash: docs/moving-customers.md describes the protocol.

As in `moving`, a place is a partition with one owner, and a batch reads one record and commits all it does in one transaction. Nothing has to
be remembered between two batches, so a crash matters only where a control splits a batch.

Which id is kept follows from the set of a person's links alone (`journey.identity.links`), so a person here is a set of ids, a set of links and
the touchpoints judged. Not modelled: what is remembered.

The layout may change meanwhile: ids get other homes. A person with one id moves to its new home. A person with several stays where it is, and the
old home of each id tells the new home that the way goes on through it. What is not known yet waits at the new home, as in `moving`.
"""

from typing import Final, Literal, NamedTuple, get_args

LinkSafeguard = Literal[
    "fence",  # a successor shuts its predecessor out
    "forwards",  # a place that a person has left passes on what comes for any of its ids
    "sends_within",  # what is sent is part of the batch's transaction: not sent before it
    "sends_with_it",  # the same: not sent after it
    "numbers",  # what was taken in from a place is not taken in again
    "marks_both",  # the mark holds the progress of both inputs
    "to_the_lesser",  # of two people, the one whose least id is greater moves
    "unites",  # who arrives is united with who is there, and takes nobody's place
    "looks_again",  # whether both are known is looked at when they meet, not only before one of them moves
    "all_ids",  # who leaves leaves an address for each of its ids
    "waits",  # what comes to the new home of an id waits until the old home has told who that is
    "tells_ways",  # an old home tells the new one of ids whose people do not move there
    "tells_layout",  # what is sent says whether its sender follows the layout
    "ends_last",  # a place says that it has told all only when it has
    "goes_round",  # what comes for the ids of who comes back takes the way that it took before
    "asks_again",  # until nothing is left on that way, and not only what was on it when the person came
    "stays",  # nobody leaves, or only passes through, while something of theirs is on such a way
]
LINK_SAFEGUARDS: Final[tuple[LinkSafeguard, ...]] = get_args(LinkSafeguard)
EVERYTHING_ON: Final[frozenset[LinkSafeguard]] = frozenset()


class IdLinkRecord(NamedTuple):
    """A record: `moved` and `kept` are one person."""

    moved: str
    kept: str


class TouchRecord(NamedTuple):
    """A record: touchpoint `number` of an id."""

    customer: str
    number: int


class JoinedIds(NamedTuple):
    """All ids of one person, the links between them, and the touchpoints judged, in order."""

    ids: frozenset[str]
    links: frozenset[IdLinkRecord] = frozenset()
    judged: tuple[TouchRecord, ...] = ()

    @property
    def least(self) -> str:
        """The id by which two people compare."""
        return min(self.ids)


Word = Literal["", "moves", "through me", "claim", "none", "finished", "probe"]


class Parcel(NamedTuple):
    """A record of `transfers`, on its way to wherever `target` lives. One of the three is there:

    a touchpoint; a link that asks `target` to meet `other`; a person who moves to `target` because of a link.
    """

    target: str
    seen: TouchRecord | None = None
    link: IdLinkRecord | None = None
    other: str = ""
    other_is_known: bool = False
    person: JoinedIds | None = None
    hops: int = 0
    word: Word = ""
    """About a change of the layout: who has one id and moves to its new home; where an id is to be found; and so on. A `probe` is about a way round."""

    @property
    def name(self) -> str:
        """What to call it in a trace."""
        if self.word:
            return f"{self.word} {self.target}"
        if self.person is not None:
            return f"{'+'.join(sorted(self.person.ids))}, who moves to {self.target},"
        if self.seen is not None:
            return f"{self.seen.customer}{self.seen.number}"
        return f"the question whether {self.target} meets {self.other}"


class SentParcel(NamedTuple):
    """`number` counts what this sender has sent to this place."""

    sender: int
    number: int
    parcel: Parcel
    adopted: bool = False
    """Whether the sender follows the new layout."""


class LinkScenario(NamedTuple):
    """What is given: the records of each place, the home of each id, who is known, and how much goes wrong."""

    records: tuple[tuple[IdLinkRecord | TouchRecord, ...], ...]
    homes: tuple[tuple[str, int], ...]
    known: frozenset[str] = frozenset()
    crashes: int = 1
    repeats: int = 1
    off: frozenset[LinkSafeguard] = EVERYTHING_ON
    after: tuple[tuple[str, int], ...] = ()
    """The homes after a change of the layout; empty: there is none."""
    old: frozenset[int] = frozenset()
    """Places that there were before it."""


class LinkWayRound(NamedTuple):
    """A person came to a place that had sent on what came for one of its ids: that may still be on its way back here."""

    customer: str
    to: int
    """Where it was sent."""
    back_from: int
    """The place that the person came from, and that everything comes back from."""
    is_used: bool = False
    """Whether something was sent that way since the probe."""


class LinkStored(NamedTuple):
    """What a place's log says."""

    here: tuple[JoinedIds, ...]
    away: tuple[tuple[str, int], ...]
    """Forwarding addresses, by id."""
    records: int
    transfers: int
    sent: tuple[int, ...]
    taken: tuple[int, ...]
    adopted: bool = False
    ended: frozenset[int] = frozenset()
    """Places that have told all."""
    rounds: tuple[LinkWayRound, ...] = ()
    """Of people who are here."""

    def holding(self, before: JoinedIds, after: JoinedIds) -> "LinkStored":
        """With `after` in the place of `before`, who may be new."""
        others = [person for person in self.here if person != before]
        return self._replace(here=tuple(sorted([*others, after], key=lambda each: each.least)))

    def without_addresses(self, person: JoinedIds) -> "LinkStored":
        """Without those of this person."""
        return self._replace(away=tuple(item for item in self.away if item[0] not in person.ids))


class LinkMemory(NamedTuple):
    """What an owner knows of a change of the layout, and its successor does not."""

    claimed: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    """Ids of which the old home has told."""
    told: frozenset[str] = frozenset()
    """Ids of which the new home was told."""


class LinkBatch(NamedTuple):
    """What one transaction holds, and what its owner remembers after it. `sends` are pairs of a place and a transfer."""

    stored: LinkStored
    sends: tuple[tuple[int, SentParcel], ...]
    published: tuple[TouchRecord, ...] = ()
    refused: tuple[IdLinkRecord, ...] = ()
    memory: LinkMemory = LinkMemory()


class LinkPlace(NamedTuple):
    """A place: its log and its input; `paused` only without `fence`, `unsent` only without `sends_with_it`."""

    stored: LinkStored
    incoming: tuple[SentParcel, ...] = ()
    paused: LinkBatch | None = None
    unsent: tuple[tuple[int, SentParcel], ...] = ()
    memory: LinkMemory = LinkMemory()


class Linking(NamedTuple):
    """A state of the model."""

    places: tuple[LinkPlace, ...]
    published: tuple[TouchRecord, ...]
    """Every touchpoint causes a change; by id, in order."""
    refused: tuple[IdLinkRecord, ...]
    """Dead letters."""
    crashes: int
    repeats: int


def beginning(scenario: LinkScenario) -> Linking:
    """Nothing has been read."""
    count = len(scenario.records)
    new = frozenset(range(count)) - scenario.old if scenario.after else frozenset()
    # A new place knows the layout from the start, as its `transfers` begin with it.
    places = tuple(LinkPlace(LinkStored((), (), 0, 0, (0,) * count, (0,) * count, place in new, new)) for place in range(count))
    return Linking(places, (), (), scenario.crashes, scenario.repeats)
