"""Which stages a customer has been in, by its published changes: a bit for each stage of the version that last processed it.

A version that lacks a stage forgets who was in it: whoever enters it under a later version, which has it again, counts again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.stage_rules import StageRules
from etapa.journey.engine.queries.beginnings import stages_known
from etapa.journey.ledger.tables import Counted

NOWHERE: Final[Sequence[str]] = ()
_ONE_MORE: Final = (0, 0, 0, 0, 0, 1)
_ONE_LESS: Final = (0, 0, 0, 0, 0, -1)


def stages_in(visited: int, stages: Iterable[str]) -> Sequence[str]:
    """The stages of these bits; `stages`: all, in the order of the file."""
    return [stage for number, stage in enumerate(stages) if visited >> number & 1]


def stages_visited(customer: Customer, by_digest: Mapping[bytes, str]) -> Sequence[str]:
    """The stages among those of `by_digest`, whatever version processed the customer last."""
    visited = customer.visited
    if not visited:
        return NOWHERE
    digests = enumerate(stages_known(customer.known))
    return [by_digest[digest] for number, digest in digests if visited >> number & 1 and digest in by_digest]


def visited_by(program_stages: Mapping[str, StageRules], stages: Iterable[str]) -> int:
    """The bits of these stages."""
    visited = 0
    for stage in stages:
        visited |= 1 << program_stages[stage].number
    return visited


def counted_again(stages: Iterable[str], *, less: str | None, more: str | None) -> list[Counted]:
    """What the ledger counts when one who has been in these stages becomes of persona `more`, instead of `less`."""
    return [*no_longer_counted(stages, less), *newly_counted(stages, more)]


def no_longer_counted(stages: Iterable[str], persona: str | None) -> list[Counted]:
    """The same for one who is forgotten, or turns out to be another."""
    return [("ways", (persona, stage, None), _ONE_LESS) for stage in stages]


def newly_counted(stages: Iterable[str], persona: str | None) -> list[Counted]:
    """The same for one who has been in these stages under another id."""
    return [("ways", (persona, stage, None), _ONE_MORE) for stage in stages]
