"""A model of moving customers between places while workers crash: docs/moving-customers.md describes the protocol.

A place is a partition with one owner. Its log holds where its customers are and a mark; its two inputs are its partition of
`touchpoints` and its partition of `transfers`. One batch reads one record, and commits all it does in one transaction, or nothing. So a
crash in the middle of a batch is one before or after it: the owner's memory is lost. Controls that split a batch are modelled as split.

Not modelled: Redis, which follows each place's log as before; timers; links; a second change of the layout before everybody is at home in the first.
"""

from typing import Final, Literal, NamedTuple, get_args

Safeguard = Literal[
    "fence",  # a successor shuts its predecessor out
    "forwards",  # a place that a customer has left, or that is not its home, passes its touchpoints on
    "waits",  # touchpoints of a customer who may be on the way wait at the new place
    "waits_in_order",  # while one waits, no later one of the same customer is judged
    "sends_within",  # what is sent is part of the batch's transaction: not sent before it
    "sends_with_it",  # the same: not sent after it
    "numbers",  # what was taken in from a place is not taken in again
    "marks_both",  # the mark holds the progress of both inputs
    "adopts_first",  # producers change over only after every place knows the new layout
    "ends_last",  # a place says that it is empty only when it is
    "settles",  # after a second change, a place reads touchpoints again only when what it forwarded before has arrived
    "tells_layout",  # who arrives says in which layout
    "claims_back",  # who comes back is claimed, although an address is left
]
SAFEGUARDS: Final[tuple[Safeguard, ...]] = get_args(Safeguard)
NOTHING_OFF: Final[frozenset[Safeguard]] = frozenset()

Kind = Literal["state", "claim", "none", "touchpoint", "finished", "settle", "settled"]

ROUNDS: Final = 2
"""How often a place asks whether all that it forwarded has arrived."""


class Touch(NamedTuple):
    """A record of `touchpoints`. A new producer has gone over to the new layout."""

    customer: str
    number: int
    new: bool


class PublishedChange(NamedTuple):
    """A published change: caused by this touchpoint, with the sequence number that it took."""

    customer: str
    touchpoint: int
    sequence: int


class SentTransfer(NamedTuple):
    """A record of `transfers`. `number` counts what this sender has sent to this place; the memory of a customer who moves is `applied`."""

    sender: int
    number: int
    kind: Kind
    customer: str
    applied: tuple[int, ...] = ()
    layout: int = 0
    """Which change of the layout the sender follows."""
    round: int = 0


class MovingScenario(NamedTuple):
    """What is given: places (their touchpoints), homes before and after, and how much goes wrong."""

    touchpoints: tuple[tuple[Touch, ...], ...]
    old: frozenset[int]
    """Places of the old layout."""
    before: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]
    crashes: int = 1
    repeats: int = 1
    """How many records of `transfers` come twice: somebody restored or mirrored the topic."""
    off: frozenset[Safeguard] = NOTHING_OFF
    then: tuple[tuple[str, int], ...] = ()
    """Homes after a second change; empty: there is none. All places take part in it."""
    added: frozenset[int] = frozenset()
    """Places that only the second change adds. Nothing is sent to them before; they know it from the start, and begin once it is announced."""


class Stored(NamedTuple):
    """What a place's log says."""

    here: tuple[tuple[str, tuple[int, ...]], ...]
    """Customers who live here, with the touchpoints judged so far, in order."""
    away: tuple[tuple[str, int], ...]
    """Forwarding addresses."""
    touchpoints: int
    transfers: int
    """The mark: how many records of both inputs are done."""
    sent: tuple[int, ...]
    taken: tuple[int, ...]
    """The mark: the last number sent to, and taken in from, each place."""
    adopted: int
    """The mark: how many changes of the layout it follows."""
    ended: frozenset[int]
    """The mark: places that have nobody left who has to move."""
    aside: tuple[Touch, ...] = ()
    """Only without `waits_in_order`: touchpoints that others overtook."""
    settled: bool = False
    """The mark: whether all has arrived that was forwarded before the second change."""


class MovingBatch(NamedTuple):
    """What one transaction holds, and what its owner remembers after it. `sends` are pairs of a place and a transfer."""

    stored: Stored
    sends: tuple[tuple[int, SentTransfer], ...]
    changes: tuple[PublishedChange, ...]
    claimed: frozenset[str]
    cleared: frozenset[str]
    awaited: tuple[int, frozenset[int]] = (0, frozenset())


class Place(NamedTuple):
    """A place: its log, its input, and its owner's memory."""

    stored: Stored
    incoming: tuple[SentTransfer, ...]
    claimed: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    awaited: tuple[int, frozenset[int]] = (0, frozenset())
    """The round in which it asked whether all has arrived, and who has not answered."""
    paused: MovingBatch | None = None
    """Only without `fence`: what a predecessor that was only paused is about to commit."""
    unsent: tuple[tuple[int, SentTransfer], ...] = ()
    """Only without `sends_with_it`: committed, and still to be sent."""


class Moving(NamedTuple):
    """A state of the model."""

    places: tuple[Place, ...]
    changes: tuple[PublishedChange, ...]
    """As published, over all places, by customer. Every touchpoint causes one."""
    crashes: int
    repeats: int


def beginning(scenario: MovingScenario) -> Moving:
    """The layout was announced, and nobody has read that. New places know it from the start, as their `transfers` begin with it."""
    count = len(scenario.touchpoints)
    everybody = frozenset(range(count))

    def stored(place: int) -> Stored:
        if place in scenario.added:
            # Nothing of theirs is on its way.
            return Stored((), (), 0, 0, (0,) * count, (0,) * count, 2, scenario.added, settled=True)
        return Stored((), (), 0, 0, (0,) * count, (0,) * count, int(place not in scenario.old), everybody - scenario.old)

    places = tuple(Place(stored(place), ()) for place in range(count))
    return Moving(places, (), scenario.crashes, scenario.repeats)
