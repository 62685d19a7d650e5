"""The properties of touchpoints that a journey reads."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from etapa.journey.language.model import Journey

ALL = "*"


def properties_read(journey: Journey) -> tuple[str, ...] | None:
    """Their names, sorted; none: any property may be read.

    Whatever the kind of a condition, the path of a property is a tuple that begins with `properties`.
    """
    parts = (journey.rules, journey.campaigns, journey.consent, journey.zone, journey.design, journey.identity)
    names = set(_names(parts))
    return None if ALL in names else tuple(sorted(names))


def _names(part: object) -> Iterable[str]:
    if isinstance(part, tuple | list | set | frozenset):
        if isinstance(part, tuple) and part and part[0] == "properties":
            yield part[1] if len(part) > 1 and isinstance(part[1], str) else ALL
        for each in part:
            yield from _names(each)
    elif isinstance(part, dict):
        yield from _names(tuple(part.items()))
    elif is_dataclass(part):
        for field in fields(part):
            yield from _names(getattr(part, field.name))
