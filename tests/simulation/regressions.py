"""Seeds that once failed, and why. They run with every test run. What was wrong is also held by a test of its own where one is possible."""

from typing import NamedTuple


class Regression(NamedTuple):
    """A seed of a kind of world, and what it found."""

    world: str
    seed: int
    cause: str


REGRESSIONS: tuple[Regression, ...] = ()
