"""What simulated customers do, as stories: one step after another, and how long each takes."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple


class StoryStep(NamedTuple):
    """One touchpoint of a story. `wait` is the time since the step before it, in microseconds."""

    wait: float
    type: str
    channel: str
    properties: dict[str, Any]
    traits: dict[str, Any] | None = None


Story = Iterator[StoryStep]


class Character(NamedTuple):
    """A simulated customer: its traits from the first touchpoint on, and its story, which can be started again."""

    traits: dict[str, Any]
    tell: Callable[[], Story]


Cast = Callable[[Random], Character]
"""Makes one customer after another; all randomness comes from the `Random`."""
