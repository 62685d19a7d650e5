"""What may happen to a request, by its kind, and in which order everything is tried."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice, product
from random import Random
from typing import Literal

import msgspec

from tests.faults.requests.frames import ApiKey

How = Literal["held", "reset", "doubled", "unanswered", "dropped", "slow"]
"""What happens to the request:

- `held`: nothing more passes on its connection, until the client gives up; it arrives late;
- `reset`: its connection breaks before it has left; it arrives late;
- `doubled`: it arrives and is answered, and arrives once more, late;
- `unanswered`: it arrives, and its connection breaks instead of the response; it arrives once more, late;
- `dropped`: its connection breaks or falls silent, and it never arrives;
- `slow`: its connection takes more than half a session for it and everything after it; other connections do not.
"""

Moment = Literal["states-first", "changes-first", "beginning", "random", "of its own"]
"""When a late request arrives: in the producer's next transaction, between the writes to `customer-state` and `stage-changes` (in
either order), after its first request, or at a random moment. Requests that are never late, or late by time alone, have no
moment."""

IN_THE_NEXT: Sequence[Moment] = ("states-first", "changes-first", "beginning", "random")
LATE: Sequence[How] = ("held", "reset", "doubled", "unanswered")
ENDS = frozenset({ApiKey.EndTxn, ApiKey.InitProducerId})
"""Whatever comes after these belongs to another transaction."""


class Act(msgspec.Struct, frozen=True):
    """One thing to do to one request."""

    api: ApiKey
    how: How
    moment: Moment

    @property
    def kind(self) -> str:
        return f"{self.api.name} {self.how}"


EVERY_WAY: Sequence[tuple[How, Moment]] = (*product(LATE, IN_THE_NEXT), ("dropped", "of its own"), ("slow", "of its own"))

APIS: Mapping[int, Sequence[ApiKey]] = {
    1: tuple(ApiKey),
    # Writing adds partitions to the transaction, so no other request has to.
    2: (ApiKey.EndTxn, ApiKey.TxnOffsetCommit, ApiKey.InitProducerId, ApiKey.Produce),
}
"""The kinds of requests by version of the transaction protocol."""


def ways(api: ApiKey, protocol: int) -> Sequence[tuple[How, Moment]]:
    """Everything that may happen to a request.

    Except that before version 2 nobody can tell an answered EndTxn from its double: not the producer, which sent only one, and not
    the broker, to which all within an epoch look the same. No network doubles what was sent over TCP, only senders do.
    """
    return [(how, moment) for how, moment in EVERY_WAY if protocol >= 2 or (api, how) != (ApiKey.EndTxn, "doubled")]


def acts(requests: Mapping[ApiKey, Sequence[tuple[How, Moment]]], each: int, random: Random) -> list[Act]:
    """So many acts for each kind of request, every way equally often, in random order."""
    chosen = []
    for api, its_ways in requests.items():
        in_turn = random.sample(its_ways, len(its_ways))
        chosen += [Act(api, how, moment) for how, moment in islice(cycle(in_turn), each)]
    random.shuffle(chosen)
    return chosen


def every_act(protocol: int, random: Random) -> list[Act]:
    """Every way for every kind of request once, but at only one of the moments."""
    chosen = []
    for api in APIS[protocol]:
        by_how: dict[How, list[Moment]] = {}
        for how, moment in ways(api, protocol):
            by_how.setdefault(how, []).append(moment)
        chosen += [Act(api, how, random.choice(moments)) for how, moments in by_how.items()]
    random.shuffle(chosen)
    return chosen
