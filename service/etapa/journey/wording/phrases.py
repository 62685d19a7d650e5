"""What a language says about rules: templates with named places in braces, typed so that a language lacks none of them."""

from collections.abc import Mapping

import msgspec

from etapa.journey.language.matching.matches import Operator
from etapa.journey.language.matching.windows import Unit


class Plural(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phrase with a number: for one, and for any other."""

    one: str
    other: str

    def of(self, number: float) -> str:
        """The form that goes with the number."""
        return self.one if number == 1 else self.other


class Joint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How several things are told one after the other: what stands between them, and before the last."""

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
    """By operator, as `tests`: what is true when the test is not passed, even where there is no value."""


class RulePhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that sentences of rules are made of. A window's phrase begins with its blank or comma, since it may be missing."""

    rule: str
    both: Joint
    """Things that are all meant."""
    either: Joint
    """Things of which one is meant."""
    all_of: Joint
    """Whole conditions that all hold."""
    any_of: Joint
    """Whole conditions of which one holds."""
    then: Joint
    """Things in an order."""
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
    """A language that Etapa speaks to those who read a journey map."""

    code: str
    """Its tag as in BCP 47: `en`, `es`."""
    name: str
    """What it calls itself."""
    decimal: str
    thousands: str
    rules: RulePhrases
    page: Mapping[str, str | Plural]
    """What stands on the page around the map, by name."""
