"""The touchpoint types that a journey names, and the nearest among other names."""

import difflib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Final

from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.model import ANY_TYPE, Journey, Match

NEAR: Final = 0.75
"""Names less similar than this are not taken for each other."""


def types_named(journey: Journey) -> frozenset[str]:
    """Every type in a rule or a campaign; includes `*` if a condition other than an absence accepts any type."""
    return frozenset(_types((*(rule.when for rule in journey.rules), *(campaign.when for campaign in journey.campaigns))))


def nearest(name: str, others: Iterable[str]) -> str | None:
    """The one of `others` that `name` probably stands for: equal except for case, blanks and dashes, or very similar."""
    plain = {_plain(other): other for other in others}
    found = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=NEAR)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _types(part: object) -> Iterable[str]:
    """All types in a condition: whatever its kind, they are in a match or a score."""
    match part:
        case Match():
            yield from part.types
        case Score():
            yield from (kind for kind, _ in part.points)
        case Absent():
            yield from (kind for kind in part.match.types if kind != ANY_TYPE)
        case tuple():
            for each in part:
                yield from _types(each)
        case _ if is_dataclass(part):
            for field in fields(part):
                yield from _types(getattr(part, field.name))
