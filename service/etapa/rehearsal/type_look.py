"""Finds values that a condition cannot use because of their type: text where it compares numbers, or a list where a path continues."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Protocol

from etapa.journey.engine.accumulators.matching import Filter, compile_path, compile_where
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.condition import Leaf
from etapa.journey.language.kinds.date import Date
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.logic import leaves
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.descriptions import describe_path
from etapa.journey.language.matching.matches import ANY_TYPE, ELEMENTS, Comparison, Match, Path
from etapa.journey.language.matching.type_checks import NUMBERS, TypeCheck, in_words, parts_of, type_check
from etapa.journey.language.model import EVER, Goal, Journey
from etapa.journey.localtime.zones import zone_called

LONGEST_EXAMPLE = 60


@dataclass
class TypeMismatch:
    """A condition, a place where it looks for values, and what it found there."""

    subject: str
    """`rule buys`, `campaign hello`, `goal of hello`, `persona student`, `consent`, `zone` or `feeling`."""
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
    instead: str = ""
    """What would look into the list, in words."""

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
            yield self.lists, f"{of}: {self.place} met a list in {touchpoints}, and a path cannot lead into a list{self.instead}"

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


class _Check(Protocol):
    """Says which values cannot be used."""

    def misses(self, value: Any) -> bool:
        """Whether the value cannot be used. False for missing values."""


class _ZoneNames:
    """Accepts the names of zones."""

    def misses(self, value: Any) -> bool:
        return value is not None and zone_called(value) is None


@dataclass(frozen=True)
class _Look:
    match: Match | None
    """Which touchpoints to look at; None: those with the trait."""
    where: Filter | None
    path: Path
    check: _Check
    found: TypeMismatch
    adds_up: bool = False
    """Whether it takes several values from one touchpoint."""

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
        elif None in values and self.match is not None and (met := _met_list(self.path, touchpoint)) is not None:
            self.found.lists += 1
            self.found.instead = _into_list(*met, several=self.adds_up)

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
        if campaign.goal is not None:
            yield from _looks_of_goal(f"goal of {campaign.id}", campaign.goal)
    for persona in journey.design.personas:
        for leaf in leaves(persona.condition):
            yield from _looks(f"persona {persona.id}", leaf)
    if journey.zone.trait is not None:
        wanted = f"nothing that is the name of a time zone, so {journey.zone.otherwise} is used"
        found = TypeMismatch("zone", f"trait({journey.zone.trait})", f"trait {journey.zone.trait}", wanted)
        yield _Look(None, None, ("traits", journey.zone.trait), _ZoneNames(), found)
    felt = None if journey.design.frame is None else journey.design.frame.feeling
    if felt is not None:
        found = TypeMismatch("feeling", describe_path(felt.path), describe_path(felt.path), "a number; send it as one")
        yield _Look(Match(felt.types), None, felt.path, NUMBERS, found)


def _looks_of_goal(subject: str, goal: Goal) -> Iterator[_Look]:
    for leaf in () if goal.when is None else leaves(goal.when):
        yield from _looks(subject, leaf)
    if goal.value is not None:
        added = goal.value
        yield from _looks(subject, Aggregate("sum", added.path, added.match, EVER, Comparison(()), added.conversion, added.weights))


def _looks(subject: str, leaf: Leaf) -> Iterator[_Look]:
    condition = leaf.text().rstrip()

    def look(match: Match | None, path: Path, check: TypeCheck, *, matching: bool) -> _Look:
        where = compile_where(match.where) if match is not None and matching else None
        place = f"trait {describe_path(path[1:])}" if match is None else describe_path(path)
        several = isinstance(leaf, Aggregate) and leaf.kind != "last" and matching
        return _Look(match, where, path, check, TypeMismatch(subject, condition, place, check.wanted), several)

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


def _met_list(path: Path, touchpoint: Touchpoint) -> tuple[Path, Path] | None:
    """The path to a list that is in the way, also under a key that was written with an index, such as `items[0]`, and the keys after it."""
    value: Any = {"properties": touchpoint.properties, "traits": touchpoint.traits}.get(path[0])
    place, names = 1, list(path[:1])
    while place < len(path) and isinstance(value, dict):
        name = path[place] if path[place] in value else path[place].partition("[")[0]
        names.append(name)
        value, place = value.get(name), place + 1
    return (tuple(names), path[place:]) if isinstance(value, list) else None


def _into_list(to_list: Path, keys: Path, *, several: bool) -> str:
    """How to ask for the elements of a list, as the end of a sentence."""
    # What was meant as the number of an element.
    keys = tuple(key for key in keys if not (key.isdigit() or key == "*"))
    if several:
        return f"; `{describe_path((*to_list, ELEMENTS, *keys))}` leads to its elements"
    asked = f"{describe_path(keys)}: …" if keys else "eq: …"
    return f"; `{describe_path(to_list)}: {{any: {{{asked}}}}}` asks about its elements"
