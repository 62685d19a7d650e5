"""What made-up customers do, told as stories: one step after the other, and how long each takes."""

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
    """A made-up customer: what is known of it from its first touchpoint on, and its story, which can be told again from the start."""

    traits: dict[str, Any]
    tell: Callable[[], Story]


Cast = Callable[[Random], Character]
"""Makes up one customer after another; all chance comes from the `Random`."""
