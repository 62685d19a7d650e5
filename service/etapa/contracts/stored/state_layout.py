"""The layout of customer states. Whoever changes it raises the format number in `journey.engine.customer`."""

from typing import Any

import msgspec

from etapa.journey.engine.facts.customer import FORMAT, Change, Remembered
from etapa.journey.engine.facts.outreach import Outreach


class StateLayout(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """The layout: `Customer` in the order of its fields, without the id.

    `clock`, `first_at` and the time in `before` are distances from `entered_at`; times in `memory` that are in no list are distances from
    the clock.
    """

    version: int
    stage: str
    due: int | None
    entered_at: int
    clock: int
    first_at: int
    sequence: int
    recent: bytes = b""
    memory: Remembered = {}
    rule: str | None = None
    before: Change | None = None
    traits: dict[str, list[Any]] = {}
    outreach: Outreach | None = None
    began: dict[str, tuple[int, int]] = {}
    arrived: bytes = b""
    known: bytes = b""


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """What of a state the view shows beside it. Reading no more than this takes a tenth of the time."""

    version: int
    stage: str
    due: int | None


class Numbered(Standing, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """The same, and up to how many changes the customer has made."""

    entered_at: int
    clock: int
    first_at: int
    sequence: int
