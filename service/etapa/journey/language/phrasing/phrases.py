"""A language's phrases for rules: templates with named places in braces, typed so that no language lacks any."""

from collections.abc import Mapping
from typing import Any

import msgspec

from etapa.journey.language.matching.matches import Operator
from etapa.journey.language.matching.windows import Unit


class Plural(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase with a number: a form for one, and a form for all others."""

    one: str
    other: str

    def of(self, number: float) -> str:
        """The form that goes with the number."""
        return self.one if number == 1 else self.other


class Joint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to list several things: what stands between them, and before the last."""

    between: str
    last: str

    def together(self, parts: list[str]) -> str:
        """All parts as one text."""
        return self.last.join([self.between.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


class ByUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase for each unit of time."""

    year: Plural
    day: Plural
    hour: Plural
    minute: Plural
    second: Plural


class NegatedPhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What does not hold."""

    otherwise: str
    """A condition, wherever the language has no better way to say so."""
    tests: Mapping[Operator | str, str]
    """By operator, as `tests`: what is true if the test fails, even if there is no value."""


class RulePhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The phrases that rules share. A window's phrase begins with its blank or comma, because it may be missing."""

    rule: str
    both: Joint
    """Things joined by *and*."""
    either: Joint
    """Things joined by *or*."""
    all_of: Joint
    """Whole conditions that all hold."""
    any_of: Joint
    """Whole conditions of which one holds."""
    group: str
    negated: NegatedPhrases
    quoted: str
    yes: str
    no: str
    nothing: str
    anything: str
    other_types: str
    worth: str
    points: Plural
    where: str
    channel: str
    type: str
    property: str
    properties_of_elements: str
    trait_of_customer: str
    element: str
    as_number: str
    as_boolean: str
    as_date: str
    ask: str
    tests: Mapping[Operator | str, str]
    """By operator; `missing` is `exists: false`."""
    some_element: str
    every_element: str
    no_element: str
    never: str
    window_before: str
    window_between: str
    this: Mapping[Unit, str]
    last_period: Mapping[Unit, str]
    lately: ByUnit
    """The last so long; `one` without a number."""
    units: ByUnit


class KindPhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The phrases of one kind of condition, declared in the kind's own file. A language has them under that file's name."""

    @classmethod
    def name(cls) -> str:
        """Where a language has them."""
        return cls.__module__.rpartition(".")[2]


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language in which Etapa shows the journey map."""

    code: str
    """Its BCP 47 tag: `en`, `es`."""
    name: str
    """Its own name for itself."""
    decimal: str
    thousands: str
    rules: RulePhrases
    conditions: Mapping[str, Mapping[str, Any]]
    """The phrases of each kind of condition, as its `KindPhrases` declares them."""
    page: Mapping[str, str | Plural]
    """The page's texts around the map, by name."""
