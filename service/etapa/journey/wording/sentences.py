"""Conditions and rules as sentences: every kind of condition, in every language that has phrases."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from etapa.journey.language.design.labels import EVERY_LANGUAGE
from etapa.journey.language.kinds.absence import Absent, OwnPace
from etapa.journey.language.kinds.aggregate import Aggregate
from etapa.journey.language.kinds.clock import LocalClock, Times
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.kinds.date import Date, Offset
from etapa.journey.language.kinds.days import Days
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.first import First
from etapa.journey.language.kinds.in_stage import InStage
from etapa.journey.language.kinds.score import Score
from etapa.journey.language.kinds.sequence import Sequence
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.matches import ANY_TYPE, EVERYWHERE, Comparison, Match, Operator, Test
from etapa.journey.language.model import Journey, Rule
from etapa.journey.units import DAY, HOUR, MINUTE
from etapa.journey.wording.asked import AskedInWords
from etapa.journey.wording.phrases import Language, Plural

_NEVER: Final = ([("eq", 0)], [("lt", 1)], [("lte", 0)])
_OPPOSITE: Final[Mapping[Operator, Operator]] = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt", "eq": "ne", "ne": "eq"}


def in_language(words: Mapping[str, str], code: str, otherwise: str = "") -> str:
    """A text for people in a language; if it is missing there, in any other language rather than none."""
    for wanted in (code, EVERY_LANGUAGE, "en"):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), otherwise)


class Sentences:
    """The rules of one journey in one language."""

    def __init__(self, language: Language, journey: Journey) -> None:
        code, design = language.code, journey.design
        self._phrases = language.rules
        self._stages = {stage.id: in_language(stage.label, code, stage.id) for stage in journey.stages}
        self._asked = AskedInWords(
            language,
            {each.id: in_language(each.label, code, each.id) for each in design.types},
            {each.id: in_language(each.label, code, each.id) for each in design.channels},
        )

    def rule(self, rule: Rule) -> str:
        """The whole rule: from where to where, and when."""
        phrases, asked = self._phrases, self._asked
        stages = [asked.quoted(self._stages.get(source, source)) for source in rule.sources]
        to = asked.quoted(self._stages.get(rule.to, rule.to))
        return phrases.rule.format_map({"from": phrases.either.together(stages), "to": to, "condition": self.condition(rule.when)})

    def condition(self, condition: Condition) -> str:
        """The condition to follow *when*, without a full stop."""
        match condition:
            case All(conditions):
                return self._phrases.all_of.together([self._inner(each) for each in conditions])
            case AnyOf(conditions):
                return self._phrases.any_of.together([self._inner(each) for each in conditions])
            case Not(negated):
                return self._not(negated) if isinstance(negated, Leaf) else self.condition(opposite(negated))
            case _:
                return self._leaf(condition)

    def _inner(self, condition: Condition) -> str:
        told = self.condition(condition)
        meant = opposite(condition.condition) if isinstance(condition, Not) else condition
        return self._phrases.group.format(condition=told) if isinstance(meant, All | AnyOf) else told

    def _not(self, leaf: Leaf) -> str:
        """That a leaf does not hold, as people say it; with a phrase of its own wherever the language has one."""
        phrases, asked, negated = self._phrases, self._asked, self._phrases.negated
        match leaf:
            case Event(match, within):
                if within is not None:
                    return phrases.never.format(types=asked.types(match), window=asked.lately(within))
                return negated.event.format(types=asked.names(match), where=asked.where(match))
            case Count() | Days() | Score() if (turned := _turned(leaf.comparison)) is not None:
                # They always see a number, so the opposite comparison says the same.
                return self._leaf(replace(leaf, comparison=turned))
            case Absent(match, duration):
                said = negated.idle if _is_idle(match) else negated.absent
                return said.format(types=asked.types(match), duration=asked.duration(duration))
            case InStage(duration):
                return negated.in_stage.format(duration=asked.duration(duration))
            case Sequence(steps, within):
                return negated.sequence.format(steps=phrases.then.together([*map(asked.types, steps)]), duration=asked.duration(within))
            case LocalClock(times):
                return negated.clock.format(times=self._times(times))
            case Aggregate() | First() | Trait() if not leaf.comparison.elements and len(leaf.comparison.tests) == 1:
                return self._of_value(leaf, asked.comparison_fails(leaf.comparison))
            case _:
                return negated.otherwise.format(condition=self._leaf(leaf))

    def _leaf(self, leaf: Leaf) -> str:
        phrases, asked = self._phrases, self._asked
        match leaf:
            case Event(match, within):
                told = phrases.event if within is None else phrases.event_within
                return told.format(types=asked.names(match), where=asked.where(match), duration=asked.duration(within or 0))
            case Count(match, window, comparison, weights):
                types = asked.types(match, weights)
                return self._counted(types, asked.window(window), comparison, as_times=weights is None)
            case Days(match, window, comparison):
                return self._on_days(asked.types(match), asked.window(window), comparison)
            case Aggregate() | First() | Trait():
                return self._of_value(leaf, asked.comparison(leaf.comparison))
            case Absent(match, duration):
                said = phrases.idle if _is_idle(match) else phrases.absent
                return said.format(types=asked.types(match), duration=asked.duration(duration))
            case OwnPace():
                return self._own_pace(leaf)
            case Sequence(steps, within):
                return phrases.sequence.format(steps=phrases.then.together([*map(asked.types, steps)]), duration=asked.duration(within))
            case _:
                return self._of_customer(leaf)

    def _of_customer(self, leaf: Leaf) -> str:
        """Conditions on customers themselves, rather than on touchpoints."""
        phrases, asked = self._phrases, self._asked
        match leaf:
            case InStage(duration):
                return phrases.in_stage.format(duration=asked.duration(duration))
            case Score(points, half_life, comparison):
                scored = phrases.both.together([asked.scored(name, worth) for name, worth in points])
                return phrases.score.format(points=scored, duration=asked.duration(half_life), test=asked.comparison(comparison))
            case Date():
                return self._date(leaf)
            case LocalClock(times):
                return phrases.clock.format(times=self._times(times))
        raise TypeError(f"no sentence for conditions of the kind {type(leaf).__name__}: add one here, and its phrases to every language")

    def _counted(self, types: str, window: str, comparison: Comparison, *, as_times: bool) -> str:
        phrases = self._phrases
        if as_times and [(test.operator, test.operand) for test in comparison.tests] in _NEVER:
            return phrases.never.format(types=types, window=window)
        times = self._how_many(comparison, phrases.times) if as_times else None
        if times is None:
            return phrases.count_tests.format(types=types, window=window, test=self._asked.comparison(comparison))
        return phrases.count.format(types=types, window=window, times=times)

    def _on_days(self, types: str, window: str, comparison: Comparison) -> str:
        days = self._how_many(comparison, self._phrases.days)
        if days is None:
            return self._phrases.days_tests.format(types=types, window=window, test=self._asked.comparison(comparison))
        return self._phrases.days_counted.format(types=types, window=window, days=days)

    def _how_many(self, comparison: Comparison, said: Mapping[str, Plural]) -> str | None:
        """All tests of a number of times or days; none if the language lacks a phrase for one of them."""
        parts: list[str] = []
        for test in comparison.tests:
            number = test.operand
            if test.operator not in said or isinstance(number, bool) or not isinstance(number, int | float):
                return None
            parts.append(said[test.operator].of(number).format(n=self._asked.number(number)))
        return self._phrases.both.together(parts) if parts and not comparison.elements else None

    def _of_value(self, leaf: Aggregate | First | Trait, test: str) -> str:
        """What a value must be; `test` says what."""
        phrases, asked = self._phrases, self._asked
        if isinstance(leaf, Trait):
            value = asked.read_as(phrases.trait_of_customer.format(name=leaf.name), leaf.comparison.conversion)
            return phrases.trait.format(value=value, test=test)
        if isinstance(leaf, First):
            value = asked.read_as(asked.path(leaf.path), leaf.comparison.conversion)
            return phrases.first.format(value=value, types=asked.types(leaf.match), test=test)
        said = {
            "sum": phrases.sum,
            "avg": phrases.avg,
            "min": phrases.min,
            "max": phrases.max,
            "distinct": phrases.distinct,
            "last": phrases.last,
        }[leaf.kind]
        return said.format(
            value=asked.read_as(asked.path(leaf.path), leaf.conversion),
            types=asked.types(leaf.match, leaf.weights),
            window=asked.window(leaf.window),
            test=test,
        )

    def _own_pace(self, leaf: OwnPace) -> str:
        asked, pace = self._asked, leaf.pace
        said = self._phrases.pace if pace.at_most is None else self._phrases.pace_held
        return said.format(
            types=asked.types(leaf.match),
            gaps=asked.number(float(pace.gaps)),
            least=asked.duration(pace.at_least),
            most=asked.duration(pace.at_most or 0),
        )

    def _date(self, leaf: Date) -> str:
        phrases = self._phrases
        plain = {None: phrases.date_plain, "year": phrases.date_every_year, "month": phrases.date_every_month}[leaf.every]
        date = plain.format(name=leaf.trait)
        if leaf.begins is None:
            return phrases.date_to.format(end=self._edge(leaf.ends, date))
        if leaf.ends is None:
            return phrases.date_from.format(begin=self._edge(leaf.begins, date))
        return phrases.date_between.format(begin=self._edge(leaf.begins, date), end=self._edge(leaf.ends, date))

    def _edge(self, offset: Offset | None, date: str) -> str:
        length = 0 if offset is None else offset.length
        if length == 0:
            return date
        said = self._phrases.date_after if length > 0 else self._phrases.date_before
        return said.format(duration=self._asked.duration(abs(length)), date=date)

    def _times(self, times: Times) -> str:
        phrases = self._phrases
        parts = [] if times.days is None else [phrases.either.together([phrases.weekdays[day] for day in times.days])]
        if times.hours is not None:
            parts.append(phrases.hours.format(start=_time_of_day(times.hours.start), end=_time_of_day(times.hours.end)))
        return phrases.both.between.join(parts)


def opposite(condition: Condition) -> Condition:
    """What holds when the condition does not. `not` is drawn into groups, as where a customer's stage is explained."""
    match condition:
        case All(conditions):
            return AnyOf(tuple(Not(each) for each in conditions))
        case AnyOf(conditions):
            return All(tuple(Not(each) for each in conditions))
        case Not(negated):
            return negated
        case _:
            return Not(condition)


def _turned(comparison: Comparison) -> Comparison | None:
    """The opposite comparison of a number; none where there is no single one."""
    if comparison.elements or len(comparison.tests) != 1 or comparison.tests[0].operator not in _OPPOSITE:
        return None
    test = comparison.tests[0]
    return replace(comparison, tests=(Test(_OPPOSITE[test.operator], test.operand),))


def _is_idle(match: Match) -> bool:
    return match.types == (ANY_TYPE,) and match.where == EVERYWHERE


def _time_of_day(at: int) -> str:
    # The end of a day is shown as written.
    return f"{at // HOUR:02}:{at % HOUR // MINUTE:02}" if at < DAY else "24:00"
