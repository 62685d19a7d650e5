"""Rules as sentences, in every supported language."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.matching.matches import Operator
from etapa.journey.language.matching.windows import UNITS
from etapa.journey.language.model import Journey
from etapa.journey.language.phrasing.phrases import Language
from etapa.journey.wording.sentences import Sentences, in_language
from etapa.languages.read import languages, read_language
from tests.reference.made_up import journeys

CASES = [
    ("{event: purchase}", "“Buys” happens", "ocurre «Compra»"),
    (
        "{event: purchase, where: {channel: whatsapp, properties.amount: {gte: 1000.5}}, within: 1h}",
        "“Buys” happens where the channel is “WhatsApp” and “amount” is at least 1000.5, and it is less than 1 hour old",
        "ocurre «Compra» donde el canal es «WhatsApp» y «amount» es al menos 1000,5, y hace menos de 1 hora",
    ),
    (
        "{count: [purchase, visit], within: 90d, gte: 3}",
        "“Buys” or “visit” has happened at least 3 times in the last 90 days",
        "«Compra» o «visit» ha ocurrido al menos 3 veces en los últimos 90 días",
    ),
    (
        "{count: purchase, within: 24h, eq: 0}",
        "“Buys” has not happened in the last day",
        "«Compra» no ha ocurrido ninguna vez en el último día",
    ),
    (
        "{count: {order: 1, cancel: -1}, calendar: last year, gt: 1}",
        "the number of “cancel” (counts -1) or “order” (counts 1) last year is more than 1",
        "el número de «cancel» (cuenta -1) o «order» (cuenta 1) el año pasado es más de 1",
    ),
    (
        "{days: purchase, before: 1w, gte: 2}",
        "“Buys” has happened on at least 2 different days, 7 days ago or earlier",
        "«Compra» ha ocurrido en al menos 2 días distintos, hace 7 días o más",
    ),
    (
        "{sum: 'properties.items[].price', of: purchase, within: 36h, gte: 10000}",
        "the sum of “price” of each “items” over “Buys” in the last 1 day and 12 hours is at least 10,000",
        "la suma de «price» de cada «items» en «Compra» en los últimos 1 día y 12 horas es al menos 10.000",
    ),
    (
        "{last: properties.rating, of: survey, lte: 2}",
        "“rating” of the latest “survey” is at most 2",
        "«rating» del último contacto «survey» es como máximo 2",
    ),
    (
        "{first: channel, of: '*', eq: web}",
        "the channel of the first anything is “web”",
        "el canal del primer contacto cualquier cosa es «web»",
    ),
    ("{absent: purchase, for: 30d}", "“Buys” has not happened for 30 days", "«Compra» no ha ocurrido durante 30 días"),
    ("{idle: 3w}", "the customer has done nothing for 21 days", "el cliente no ha hecho nada durante 21 días"),
    (
        "{absent: purchase, for: {gaps: 2.5, at_least: 1w, at_most: 1y}}",
        "“Buys” has not happened for 2.5 of the customer’s usual gaps, at least 7 days and at most 1 year",
        "«Compra» no ha ocurrido durante 2,5 de los intervalos habituales del cliente, 7 días como mínimo y 1 año como máximo",
    ),
    ("{in_stage: 1d}", "the customer has been in the stage for 1 day", "el cliente lleva 1 día en la etapa"),
    (
        "{sequence: [{event: visit}, {event: purchase}], within: 7d}",
        "“visit”, then “Buys” have happened in this order within 7 days",
        "han ocurrido en este orden «visit», luego «Compra» en un plazo de 7 días",
    ),
    (
        "{score: {purchase: 5, visit: 1}, half_life: 30d, gte: 10}",
        "the score of “Buys” (5 points) and “visit” (1 point), which halves every 30 days, is at least 10",
        "la puntuación de «Compra» (5 puntos) y «visit» (1 punto), que se reduce a la mitad cada 30 días, es al menos 10",
    ),
    ("{trait: vip, eq: true}", "the customer’s “vip” is yes", "el dato «vip» del cliente es sí"),
    (
        "{date: birthday, every: year, from: -7d, to: 1d}",
        "today is from 7 days before the anniversary of “birthday” up to 1 day after the anniversary of “birthday”",
        "hoy está entre el aniversario de «birthday» menos 7 días y el aniversario de «birthday» más 1 día",
    ),
    (
        "{clock: {days: [mon, fri], hours: '09:00-18:00'}}",
        "it is Monday or Friday, between 09:00 and 18:00 where the customer lives",
        "donde vive el cliente es lunes o viernes, entre las 09:00 y las 18:00",
    ),
    (
        "{any: [{not: {trait: vip, exists: true}}, {all: [{event: visit}, {trait: age, as: number, gt: 1, lt: 9}]}]}",
        "the customer’s “vip” is not known, or (“visit” happens, and the customer’s “age”, read as a number, is more than 1 and is less than 9)",
        "el dato «vip» del cliente no se conoce, o bien (ocurre «visit», y además el dato «age» del cliente, leído como número, es más de 1 y es menos de 9)",
    ),
]

OPPOSITES = [
    (
        "{event: purchase, where: {channel: web}}",
        "“Buys” does not happen where the channel is “web”",
        "no ocurre «Compra» donde el canal es «web»",
    ),
    (
        "{event: purchase, within: 3d}",
        "“Buys” has not happened in the last 3 days",
        "«Compra» no ha ocurrido ninguna vez en los últimos 3 días",
    ),
    (
        "{count: purchase, within: 90d, gte: 1}",
        "“Buys” has not happened in the last 90 days",
        "«Compra» no ha ocurrido ninguna vez en los últimos 90 días",
    ),
    ("{count: purchase, lte: 2}", "“Buys” has happened more than 2 times", "«Compra» ha ocurrido más de 2 veces"),
    ("{days: purchase, gt: 3}", "“Buys” has happened on at most 3 days", "«Compra» ha ocurrido en 3 días como máximo"),
    ("{absent: purchase, for: 30d}", "less than 30 days have passed without “Buys”", "han pasado menos de 30 días sin «Compra»"),
    (
        "{idle: 3w}",
        "less than 21 days have passed without the customer doing anything",
        "han pasado menos de 21 días sin que el cliente haga nada",
    ),
    ("{in_stage: 2d}", "the customer has been in the stage for less than 2 days", "el cliente lleva menos de 2 días en la etapa"),
    (
        "{sequence: [{event: visit}, {event: purchase}], within: 7d}",
        "“visit”, then “Buys” have not happened in this order within 7 days",
        "no han ocurrido en este orden «visit», luego «Compra» en un plazo de 7 días",
    ),
    ("{clock: {days: [sun]}}", "it is not Sunday where the customer lives", "donde vive el cliente no es domingo"),
    ("{trait: age, gte: 18}", "the customer’s “age” is not 18 or more", "el dato «age» del cliente no es 18 o más"),
    (
        "{last: properties.rating, of: survey, eq: 5}",
        "“rating” of the latest “survey” is not 5",
        "«rating» del último contacto «survey» no es 5",
    ),
    (
        "{trait: age, gt: 1, lt: 9}",
        "it is not true that the customer’s “age” is more than 1 and is less than 9",
        "no se cumple que el dato «age» del cliente es más de 1 y es menos de 9",
    ),
    (
        "{all: [{event: visit}, {not: {in_stage: 2d}}]}",
        "“visit” does not happen, or the customer has been in the stage for 2 days",
        "no ocurre «visit», o bien el cliente lleva 2 días en la etapa",
    ),
]

FRAME = """
journey: j
version: 1
initial: a
stages: [{id: a, label: {en: First, es: Primera}}, {id: b, label: Second}]
channels: {whatsapp: {label: WhatsApp}}
types: {purchase: {label: {en: Buys, es: Compra}}, visit: {}, survey: {}, order: {}, cancel: {}}
rules: [{id: r, from: a, to: b, when: WHEN}]
"""


def _journey(when: str) -> Journey:
    return journey_or_raise(FRAME.replace("WHEN", when), "j.yaml")


def _by_code() -> dict[str, Language]:
    return {language.code: language for language in languages()}


@pytest.mark.parametrize(("when", "english", "spanish"), CASES, ids=[case[0] for case in CASES])
def test_a_condition_reads_as_a_sentence(when: str, english: str, spanish: str) -> None:
    journey = _journey(when)
    condition = journey.rules[0].when
    assert Sentences(_by_code()["en"], journey).condition(condition) == english
    assert Sentences(_by_code()["es"], journey).condition(condition) == spanish


@pytest.mark.parametrize(("when", "english", "spanish"), OPPOSITES, ids=[case[0] for case in OPPOSITES])
def test_what_does_not_hold_is_said_as_people_say_it(when: str, english: str, spanish: str) -> None:
    journey = _journey(f"{{not: {when}}}")
    condition = journey.rules[0].when
    assert Sentences(_by_code()["en"], journey).condition(condition) == english
    assert Sentences(_by_code()["es"], journey).condition(condition) == spanish


def test_a_group_that_is_denied_stands_in_brackets_like_any_other() -> None:
    journey = _journey("{all: [{in_stage: 1d}, {not: {all: [{event: visit}, {trait: vip, eq: true}]}}]}")
    told = Sentences(_by_code()["en"], journey).condition(journey.rules[0].when)
    assert told == "the customer has been in the stage for 1 day, and (“visit” does not happen, or the customer’s “vip” is not yes)"


def test_a_rule_names_its_stages_as_people_do() -> None:
    journey = _journey("{event: purchase}")
    assert Sentences(_by_code()["es"], journey).rule(journey.rules[0]) == "De «Primera» a «Second» cuando ocurre «Compra»."


def test_no_kind_of_condition_lacks_a_case_here() -> None:
    met = {type(each).__name__ for when, _, _ in CASES for each in _parts(_journey(when).rules[0].when)}
    assert {each.__name__ for each in (*Leaf.__subclasses__(), All, AnyOf, Not)} == met


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(journeys())
def test_every_rule_that_can_be_made_has_a_sentence_in_every_language(journey: Journey) -> None:
    for language in languages():
        sentences = Sentences(language, journey)
        for rule in journey.rules:
            told = sentences.rule(rule)
            assert told.endswith(".")


def test_a_text_without_the_reader_s_language_is_shown_in_another() -> None:
    assert in_language({"fr": "Achat"}, "es") == "Achat"
    assert in_language({"en": "Purchase", "fr": "Achat"}, "es") == "Purchase"
    assert in_language({}, "es", "purchase") == "purchase"


def test_languages_have_the_same_phrases_with_the_same_places() -> None:
    english = dict(_places(_phrases(_by_code()["en"])))
    for language in languages():
        others = dict(_places(_phrases(language)))
        assert others.keys() == english.keys(), language.code
        assert {key for key in others if others[key] - {"n", "duration"} != english[key] - {"n", "duration"}} == set(), language.code
        assert set(get_args(Operator)) | {"missing"} == set(language.rules.tests)
        assert set(UNITS) == set(language.rules.this) == set(language.rules.last_period)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("score", "score", "missing required field `score`"),
        ("score", "scored", "unknown field `scored`"),
        ("tally", "told", "no kind of condition is named tally"),
    ],
)
def test_a_language_has_exactly_the_phrases_that_each_kind_asks_for(kind: str, name: str, message: str) -> None:
    language = msgspec.to_builtins(_by_code()["en"])
    language["conditions"].setdefault(kind, {})[name] = "{points}"
    if name == "score":
        del language["conditions"][kind][name]
    with pytest.raises(msgspec.ValidationError, match=message):
        read_language(msgspec.json.encode(language))


def _phrases(language: Language) -> Any:
    return {"rules": msgspec.to_builtins(language.rules), "conditions": language.conditions}


def _parts(condition: Condition) -> Iterator[Condition]:
    yield condition
    if isinstance(condition, All | AnyOf):
        for each in condition.conditions:
            yield from _parts(each)
    elif isinstance(condition, Not):
        yield from _parts(condition.condition)


def _places(phrases: Any, path: str = "") -> Iterator[tuple[str, set[str]]]:
    if isinstance(phrases, str):
        yield path, set(re.findall(r"\{(\w+)\}", phrases))
    else:
        for key, each in phrases.items() if isinstance(phrases, dict) else enumerate(phrases):
            yield from _places(each, f"{path}.{key}")
