"""The layout of customer states. After a change, raise the format number in `journey.engine.facts.customer`."""

from typing import Any

import msgspec

from etapa.journey.engine.facts.customer import FORMAT
from etapa.journey.engine.facts.outreach import Outreach

Name = str | int
"""A name, or its number in the mark (see `in_common`)."""

StoredChange = tuple[Name, int, Name | None]
"""As `Change`, with the time that passed until the stage change after it in place of its own time."""

StoredDetour = tuple[Name | None, Name, Name, Name | None]
"""As `DetourKey`."""


class StoredCourse(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """As `Course`."""

    way: int
    persona: Name | None = None
    ideal: int = 0
    matched: bytes = b""
    furthest: int = -1
    taken: bytes = b""
    detour: StoredDetour | None = None


class StateLayout(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """The layout: `Customer` in the order of its fields, without the id.

    `clock`, `first_at` and the time in `before` are relative to `entered_at`; times of traits, and times in `memory` outside lists, are
    relative to the clock. `visited` is a number of up to 63 bits, or beyond that as many bytes as it takes, the lowest first.
    """

    version: int
    stage: str
    due: int | None
    entered_at: int
    clock: int
    first_at: int
    sequence: int
    recent: bytes = b""
    memory: dict[Name, Any] = {}
    rule: Name | None = None
    before: StoredChange | None = None
    way: int | StoredCourse = 0
    visited: int | bytes = 0
    traits: dict[Name, list[Any]] = {}
    outreach: Outreach | None = None
    began: dict[Name, tuple[int, int]] = {}
    arrived: bytes = b""
    known: bytes = b""


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """The part of a state that the view stores beside it. Reading only this takes a tenth of the time."""

    version: int
    stage: str
    due: int | None


class Numbered(Standing, array_like=True, frozen=True, gc=False, tag=FORMAT):
    """The same, with the number of changes that the customer has made."""

    entered_at: int
    clock: int
    first_at: int
    sequence: int
