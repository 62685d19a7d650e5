"""The text of a first journey, with tests that pass."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from etapa.drafting.answers import Answers, journey_id
from etapa.errors import EtapaError
from etapa.journey.duration import format_duration
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import load_journey
from etapa.journey.language.model import GivenTouchpoint, Journey, Scenario
from etapa.journey.units import DAY, HOUR, MINUTE
from etapa.rehearsal.scenarios import rehearse, run

INTEREST_WITHIN = 30 * DAY
AFTER_TROUBLE = 30 * DAY

_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
_RESERVED = ("true", "false", "null", "yes", "no", "on", "off")


class DraftError(EtapaError, ValueError):
    """The answers make no journey; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class DraftedStory:
    """A test to be written: what happens, and the stage in which the customer must end."""

    name: str
    given: tuple[GivenTouchpoint, ...]
    until: int
    ends_in: str


def draft(answers: Answers) -> str:
    """A journey file made from the answers: stages, rules, campaigns if there is a consent trait, and tests. Raises `DraftError`."""
    if answers.regular_count < 2:
        raise DraftError(f"a regular comes back, so at least 2 of `{answers.conversion}` are needed, found {answers.regular_count}")
    if answers.conversion in (*answers.interest, *answers.trouble):
        raise DraftError(f"`{answers.conversion}` makes a customer, so it cannot be one of the other types as well")
    step = answers.regular_within // answers.regular_count
    if step < MINUTE:
        raise DraftError(f"{format_duration(answers.regular_within)} is too short for {answers.regular_count} of `{answers.conversion}`")
    if answers.silent_after <= step:
        raise DraftError(
            f"a customer who comes every {format_duration(step)} would fall silent in between:"
            f" {format_duration(answers.silent_after)} is too short"
        )
    text = "\n".join((*_head(answers), *_stages(answers), *_rules(answers), *_campaigns(answers), *_map(answers)))
    journey = _checked(text)
    whole = text + "\n".join(("", *drafted_tests(journey, _stories(answers, step)), ""))
    _checked(whole)
    return whole


def _checked(text: str) -> Journey:
    loaded = load_journey(text, "the draft")
    if loaded.journey is None:
        raise DraftError("; ".join(str(finding) for finding in loaded.findings if finding.severity == "error"))
    return loaded.journey


def _head(answers: Answers) -> Iterator[str]:
    yield "# A first journey, to be changed. `etapa validate` checks it, `etapa test` runs the tests at its end."
    yield f"journey: {_written(journey_id(answers.name))}"
    yield "version: 1"


def _stages(answers: Answers) -> Iterator[str]:
    yield "stages:"
    yield "  - {id: visitor, label: {en: Visitor, es: Visitante}}"
    if answers.interest:
        yield "  - {id: interested, label: {en: Interested, es: Interesado}}"
    yield "  - {id: customer, label: {en: Customer, es: Cliente}}"
    yield "  - {id: regular, label: {en: Regular, es: Cliente habitual}}"
    yield "  - {id: silent, label: {en: Silent, es: Inactivo}}"


def _rules(answers: Answers) -> Iterator[str]:
    conversion = _written(answers.conversion)
    before = "visitor, interested, silent" if answers.interest else "visitor, silent"
    yield "# Tried from top to bottom; the first one that holds moves the customer."
    yield "rules:"
    yield "  - id: buys"
    yield f"    from: [{before}]"
    yield "    to: customer"
    yield f"    when: {{event: {conversion}}}"
    yield "  - id: keeps-coming-back"
    yield "    from: customer"
    yield "    to: regular"
    often = f"{{count: {conversion}, within: {format_duration(answers.regular_within)}, gte: {answers.regular_count}}}"
    if answers.trouble:
        yield "    when:"
        yield "      all:"
        yield f"        - {often}"
        yield f"        - {{count: {_types(answers.trouble)}, within: {format_duration(AFTER_TROUBLE)}, eq: 0}}"
    else:
        yield f"    when: {often}"
    yield "  - id: falls-silent"
    yield "    from: [customer, regular]"
    yield "    to: silent"
    yield f"    when: {{absent: {conversion}, for: {format_duration(answers.silent_after)}}}"
    if answers.interest:
        yield "  - id: shows-interest"
        yield "    from: visitor"
        yield "    to: interested"
        yield f"    when: {{count: {_types(answers.interest)}, within: {format_duration(INTEREST_WITHIN)}, gte: 2}}"


def _campaigns(answers: Answers) -> Iterator[str]:
    if answers.consent is None:
        return
    yield "# Stage changes start campaigns, but only for customers who have consented."
    yield f"consent: {{trait: {_written(answers.consent)}, eq: true}}"
    yield "campaigns:"
    yield "  - {id: welcome-regular, on: {enter: regular}, once: true}"
    yield "  - {id: win-back, on: {enter: silent}, cooldown: 90d}"


def _map(answers: Answers) -> Iterator[str]:
    yield "# The way that you hope for. `etapa map` shows who goes it, and where the others leave it."
    yield f"map: {{ideal: [visitor, {'interested, ' if answers.interest else ''}customer, regular]}}"


def _stories(answers: Answers, step: int) -> Iterator[DraftedStory]:
    def conversions(*at: int) -> tuple[GivenTouchpoint, ...]:
        traits = None if answers.consent is None else {answers.consent: True}
        return tuple(GivenTouchpoint(each, answers.conversion, traits=traits) for each in at)

    often = conversions(*(step * number for number in range(answers.regular_count)))
    last, silent = step * (answers.regular_count - 1), answers.silent_after
    yield DraftedStory(f"the first {answers.conversion} makes a customer", conversions(0), 0, "customer")
    yield DraftedStory(
        f"{answers.conversion} {answers.regular_count} times within {format_duration(answers.regular_within)} makes a regular",
        often,
        last,
        "regular",
    )
    yield DraftedStory(f"a regular falls silent after {format_duration(silent)}", often, last + silent, "silent")
    back = max(silent, answers.regular_within) + DAY
    yield DraftedStory("a customer who has fallen silent can come back", conversions(0, back), back, "customer")
    if answers.interest:
        looks = tuple(GivenTouchpoint(at, answers.interest[0]) for at in (0, HOUR))
        yield DraftedStory(f"{answers.interest[0]} twice shows interest", looks, HOUR, "interested")
    if answers.trouble:
        troubled = (*often[:-1], GivenTouchpoint(last, answers.trouble[0]), *often[-1:])
        yield DraftedStory(f"{answers.trouble[0]} keeps a customer from being a regular for a while", troubled, last, "customer")


def drafted_tests(journey: Journey, stories: Iterator[DraftedStory]) -> Iterator[str]:
    """Each test expects what the journey does with its story, provided that the customer ends in the right stage."""
    program = compile_journey(journey)
    yield "# Times are counted from the beginning of each test."
    yield "tests:"
    for story in stories:
        scenario = Scenario(story.name, story.given, (), story.until)
        moves = run(program, scenario).moves
        scenario = replace(scenario, expect=tuple(move.as_expected() for move in moves))
        if not moves or moves[-1].to != story.ends_in or not rehearse(program, scenario).passed:
            raise DraftError(f"these answers make a journey that does not do what it should: {story.name}, and then be in {story.ends_in}")
        yield f"  - name: {_written(story.name)}"
        yield "    given:"
        for touchpoint in story.given:
            traits = "" if touchpoint.traits is None else f", traits: {json.dumps(touchpoint.traits, ensure_ascii=False)}"
            yield f"      - {{at: {format_duration(touchpoint.at)}, type: {_written(touchpoint.type)}{traits}}}"
        yield "    expect:"
        for change in scenario.expect:
            yield f"      - {{at: {format_duration(change.at)}, to: {change.to}}}"
        yield f"    until: {format_duration(story.until)}"


def _types(types: Sequence[str]) -> str:
    return _written(types[0]) if len(types) == 1 else f"[{', '.join(map(_written, types))}]"


def _written(text: str) -> str:
    """Text as a YAML scalar: plain where that is safe, otherwise in quotes."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=False)
