"""A language's phrases for rules: templates with named places in braces, typed so that no language lacks any."""

from collections.abc import Mapping

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
    """Conditions that do not hold, wherever the language has a better way to say so than `otherwise`."""

    otherwise: str
    event: str
    absent: str
    idle: str
    in_stage: str
    sequence: str
    clock: str
    tests: Mapping[Operator | str, str]
    """By operator, as `tests`: what is true if the test fails, even if there is no value."""


class RulePhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All phrases for rules. A window's phrase begins with its blank or comma, because it may be missing."""

    rule: str
    both: Joint
    """Things joined by *and*."""
    either: Joint
    """Things joined by *or*."""
    all_of: Joint
    """Whole conditions that all hold."""
    any_of: Joint
    """Whole conditions of which one holds."""
    then: Joint
    """Things in order."""
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
    times: Mapping[str, Plural]
    """How often, by the operators that compare numbers."""
    never: str
    count: str
    count_tests: str
    event: str
    event_within: str
    days: Mapping[str, Plural]
    """On how many days, by the operators that compare numbers."""
    days_counted: str
    days_tests: str
    sum: str
    avg: str
    min: str
    max: str
    distinct: str
    last: str
    first: str
    absent: str
    idle: str
    pace: str
    pace_held: str
    in_stage: str
    sequence: str
    score: str
    trait: str
    date_from: str
    date_to: str
    date_between: str
    date_plain: str
    date_every_year: str
    date_every_month: str
    date_after: str
    date_before: str
    clock: str
    hours: str
    weekdays: tuple[str, str, str, str, str, str, str]
    window_before: str
    window_between: str
    this: Mapping[Unit, str]
    last_period: Mapping[Unit, str]
    lately: ByUnit
    """The last so long; `one` without a number."""
    units: ByUnit


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language in which Etapa shows the journey map."""

    code: str
    """Its BCP 47 tag: `en`, `es`."""
    name: str
    """Its own name for itself."""
    decimal: str
    thousands: str
    rules: RulePhrases
    page: Mapping[str, str | Plural]
    """The page's texts around the map, by name."""
