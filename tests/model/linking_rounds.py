"""Ways round in the model of links: a person came to a place that had sent on what came for one of its ids, and that comes back there.

What comes next takes the same way, so that it overtakes nothing, until a probe comes back with nothing behind it.
"""

from collections.abc import Mapping

from tests.model.linking import JoinedIds, LinkStored, LinkWayRound, Parcel

Sends = tuple[tuple[int, Parcel], ...]
"""Places, and what is sent to each."""


def going_round(stored: LinkStored, sent_to: Mapping[str, int], back_from: int) -> tuple[LinkStored, Sends]:
    """A person came from `back_from`. `sent_to`: where what came for its ids was sent; a probe follows it."""
    rounds = tuple(LinkWayRound(customer, to, back_from) for customer, to in sent_to.items())
    return stored._replace(rounds=(*stored.rounds, *rounds)), tuple((way.to, _probe(way)) for way in rounds)


def round_of(stored: LinkStored, customer: str) -> LinkWayRound | None:
    """The way round of what comes for this id; none: it is for here."""
    return next((way for way in stored.rounds if way.customer == customer), None)


def round_of_person(stored: LinkStored, person: JoinedIds) -> LinkWayRound | None:
    """That of one of a person's ids."""
    return next((way for way in stored.rounds if way.customer in person.ids), None)


def with_round(stored: LinkStored, changed: LinkWayRound) -> LinkStored:
    """With a way round changed."""
    return stored._replace(rounds=tuple(changed if way.customer == changed.customer else way for way in stored.rounds))


def probe_is_back(stored: LinkStored, way: LinkWayRound, *, asks_again: bool) -> tuple[LinkStored, Sends]:
    """Whatever was ahead of the probe has been judged. What was sent behind it needs another one."""
    if way.is_used and asks_again:
        return with_round(stored, way._replace(is_used=False)), ((way.to, _probe(way)),)
    return stored._replace(rounds=tuple(each for each in stored.rounds if each != way)), ()


def _probe(way: LinkWayRound) -> Parcel:
    return Parcel(way.customer, word="probe")
