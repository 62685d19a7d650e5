"""Finds values that a condition cannot use because of their type: text where it compares numbers, or a list where a path continues."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from etapa.journey.engine.accumulators.matching import Filter, compile_path, compile_where
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.condition import Leaf
from etapa.journey.language.kinds.logic import leaves
from etapa.journey.language.matching.descriptions import describe_path
from etapa.journey.language.matching.matches import ANY_TYPE, ELEMENTS, Comparison, Match, Path
from etapa.journey.language.matching.type_checks import NUMBERS, TypeCheck, in_words, parts_of, type_check
from etapa.journey.language.model import Aggregate, Date, First, Journey, Trait

LONGEST_EXAMPLE = 60


@dataclass
class TypeMismatch:
    """A condition, a place where it looks for values, and what it found there."""

    subject: str
    """`rule buys`, `campaign hello` or `consent`."""
    condition: str
    place: str
    wanted: str
    looked_at: int = 0
    """Number of touchpoints that it looked at there."""
    kinds: Counter[str] = field(default_factory=Counter)
    """The types of the values that it could not use, in words."""
    example: str = ""
    lists: int = 0
    """How many times a list was in the way."""

    @property
    def count(self) -> int:
        """Number of touchpoints with a value that it could not use."""
        return self.kinds.total()

    def texts(self) -> Iterator[tuple[int, str]]:
        """How often, and a sentence about it without the full stop; nothing when all was well."""
        of = f"{self.subject}: {self.condition}"
        if self.count:
            had = " or ".join(kind for kind, _ in self.kinds.most_common())
            touchpoints = f"{self.count:,} of {self.looked_at:,} matching touchpoints"
            yield self.count, f"{of}: {touchpoints} had {had} at {self.place} (such as {self.example}), {self._useless()}"
        if self.lists:
            touchpoints = f"{self.lists:,} of {self.looked_at:,} matching touchpoints"
            yield self.lists, f"{of}: {self.place} met a list in {touchpoints}, and a path cannot lead into a list"

    def _useless(self) -> str:
        if self.wanted.startswith("nothing"):
            return f"which is {self.wanted}"
        advice = {"a number": "number", "a boolean": "boolean"}.get(self.wanted)
        hint = f"; `as: {advice}` would read it" if advice and "text" in self.kinds else ""
        return f"and it looks for {self.wanted}{hint}"

    def take(self, value: Any) -> None:
        """Count a value that it cannot use."""
        if not self.kinds:
            example = json.dumps(value, ensure_ascii=False)
            self.example = example if len(example) <= LONGEST_EXAMPLE else example[: LONGEST_EXAMPLE - 1] + "…"
        self.kinds[in_words(value)] += 1


@dataclass(frozen=True)
class _Look:
    match: Match | None
    """Which touchpoints to look at; None: those with the trait."""
    where: Filter | None
    path: Path
    check: TypeCheck
    found: TypeMismatch

    def see(self, touchpoint: Touchpoint) -> None:
        if self.match is None and self.path[1] not in touchpoint.traits:
            self._see_object(touchpoint)
            return
        if self.where is not None and not self.where.admits(touchpoint):
            return
        self.found.looked_at += 1
        values = compile_path(self.path).every(touchpoint)
        unusable = [value for value in values if self.check.misses(value)]
        if unusable:
            self.found.take(unusable[0])
        elif None in values and self.match is not None and _meets_list(self.path, touchpoint):
            self.found.lists += 1

    def _see_object(self, touchpoint: Touchpoint) -> None:
        """Handle a trait whose name looks like a path, when there is an object with the first part of the name."""
        name, dot, _ = self.path[1].partition(".")
        if dot and isinstance(value := touchpoint.traits.get(name), dict):
            self.found.looked_at += 1
            self.found.place = f"trait {name}, whose parts cannot be used in conditions"
            self.found.take(value)


class TypeLook:
    """Looks at touchpoints the way the conditions of one or more journeys do."""

    def __init__(self, journeys: Iterable[Journey]) -> None:
        self._looks: dict[tuple[str, str, str], _Look] = {}
        for journey in journeys:
            for look in _looks_of(journey):
                self._looks.setdefault((look.found.subject, look.found.condition, look.found.place), look)
        self._by_type: dict[str, list[_Look]] = {}
        for look in self._looks.values():
            for kind in (ANY_TYPE,) if look.match is None else look.match.types:
                self._by_type.setdefault(kind, []).append(look)

    def see(self, touchpoint: Touchpoint) -> None:
        """Take in a touchpoint that is no repeat."""
        for look in (*self._by_type.get(touchpoint.type, ()), *self._by_type.get(ANY_TYPE, ())):
            look.see(touchpoint)

    def mismatches(self) -> Sequence[TypeMismatch]:
        """The values that could not be used, in the order of the journey."""
        return [look.found for look in self._looks.values() if look.found.count or look.found.lists]


def _looks_of(journey: Journey) -> Iterator[_Look]:
    for rule in journey.rules:
        for leaf in leaves(rule.when):
            yield from _looks(f"rule {rule.id}", leaf)
    if journey.consent is not None:
        yield from _looks("consent", journey.consent)
    for campaign in journey.campaigns:
        for leaf in () if campaign.when is None else leaves(campaign.when):
            yield from _looks(f"campaign {campaign.id}", leaf)


def _looks(subject: str, leaf: Leaf) -> Iterator[_Look]:
    condition = leaf.text()

    def look(match: Match | None, path: Path, check: TypeCheck, *, matching: bool) -> _Look:
        where = compile_where(match.where) if match is not None and matching else None
        place = f"trait {describe_path(path[1:])}" if match is None else describe_path(path)
        return _Look(match, where, path, check, TypeMismatch(subject, condition, place, check.wanted))

    def looks(match: Match | None, path: Path, comparison: Comparison, *, matching: bool) -> Iterator[_Look]:
        """Looks for the value, and for the elements of a list."""
        check = type_check(comparison)
        yield look(match, path, TypeCheck(check.tests, check.conversion), matching=matching)
        # A path leads into one list only.
        for keys, asked in () if ELEMENTS in path else parts_of(comparison):
            yield look(match, (*path, ELEMENTS, *keys), type_check(asked), matching=matching)

    for match in _matches(leaf):
        for path, comparison in match.where.entries:
            yield from looks(match, path, comparison, matching=False)
    match leaf:
        case Aggregate(kind, path, match, _, comparison, conversion):
            if conversion is not None:
                yield look(match, path, TypeCheck([], conversion), matching=True)
            elif kind in ("sum", "avg", "min", "max"):
                yield look(match, path, NUMBERS, matching=True)
            else:
                # Distinct values are counted whatever their type.
                yield from looks(match, path, comparison if kind == "last" else Comparison(()), matching=True)
        case First(path, match, comparison):
            yield from looks(match, path, comparison, matching=True)
        case Trait(name, comparison):
            yield from looks(None, ("traits", name), comparison, matching=False)
        case Date(name):
            yield look(None, ("traits", name), TypeCheck([], "date"), matching=False)


def _matches(part: object) -> Iterator[Match]:
    """All matches in a condition: whatever its kind, they hold what it says about touchpoints."""
    if isinstance(part, Match):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from _matches(each)
    elif is_dataclass(part):
        for each in fields(part):
            yield from _matches(getattr(part, each.name))


def _meets_list(path: Path, touchpoint: Touchpoint) -> bool:
    """Whether a list is in the way, or under a key that was written with an index, such as `items[0]`."""
    value: Any = {"properties": touchpoint.properties, "traits": touchpoint.traits}.get(path[0])
    for key in path[1:]:
        if not isinstance(value, dict):
            break
        value = value.get(key, value.get(key.partition("[")[0]) if "[" in key else None)
    return isinstance(value, list)
