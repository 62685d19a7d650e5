"""Seeds that once failed, and why. They run with every test run. Where possible, a separate test covers the defect as well."""

from typing import NamedTuple


class Regression(NamedTuple):
    """A seed of a kind of world, and what it found."""

    world: str
    seed: int
    cause: str


_NOT_RELEASED = (
    "the group took a partition away while its producer was being closed, closing took longer than a worker may take, was cancelled,"
    " and the partition was never said to be released: the worker went on to report its lag, its customers and its readiness"
)

_OWNER_NOT_TOLD = (
    "of the simulation, not of the worker: a second owner was given the partition, and it was an earlier worker, not the last one, that was told"
    " so; the two took it away from each other for ever"
)

_BEGUN_WHILE_LEAVING = (
    "of the simulation, not of the worker: while it was leaving, the last worker fired the first of several timers due at the same microsecond,"
    " and the run was held to be over"
)

_ADVICE_NOT_TAKEN = (
    "of the simulation, not of the worker: Redis went back to what it showed of a transaction whose end Kafka had lost and that was aborted since;"
    " the worker refused and said to remove its keys, and the operator did not do it"
)

REGRESSIONS: tuple[Regression, ...] = (
    Regression("group", 37, _NOT_RELEASED),
    Regression("group", 38, _NOT_RELEASED),
    Regression("versions", 1998, _OWNER_NOT_TOLD),
    Regression("partition", 2508, _BEGUN_WHILE_LEAVING),
    Regression("versions", 9306, _ADVICE_NOT_TAKEN),
)
