"""Seeds that once failed, and why. They run with every test run. What was wrong is also held by a test of its own where one is possible."""

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

_NOBODY_STEPPED_IN = (
    "of the simulation, not of the worker: the end of a partition's last transaction was lost, its worker had nothing more to commit that"
    " would have shown it, and nobody was there to restart it"
)

REGRESSIONS: tuple[Regression, ...] = (
    Regression("group", 37, _NOT_RELEASED),
    Regression("group", 93, _NOT_RELEASED),
    Regression("group", 113, _NOT_RELEASED),
    Regression("group", 1201, _NOBODY_STEPPED_IN),
    Regression("group", 2615, _NOBODY_STEPPED_IN),
)
