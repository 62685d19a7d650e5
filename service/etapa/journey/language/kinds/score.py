"""`score`: points for touchpoints, halving with time."""

from dataclasses import dataclass, replace
from typing import Any

from etapa.journey.duration import format_duration
from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import MAX_TYPE, ConditionKind, own
from etapa.journey.language.kinds.wording import compared, opposite_comparison, value_or_none_yet
from etapa.journey.language.matching.descriptions import describe_comparison, points_text
from etapa.journey.language.matching.matches import ANY_TYPE, Comparison
from etapa.journey.language.matching.possible import Domain
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report, shortened
from etapa.journey.language.reading.lists import MAX_LIST
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.operands import FALLING_SCORE, RISING_SCORE, SCORE, Kind
from etapa.journey.language.reading.shapes import BAD, Bad, Number, Shape, Span, refuse
from etapa.journey.language.reading.yaml_nodes import InvalidNode, MapNode, Node


class ScorePhrases(KindPhrases, frozen=True):
    score: str


@dataclass(frozen=True, slots=True)
class Score(Leaf):
    points: tuple[tuple[str, float], ...]
    half_life: int
    comparison: Comparison

    def text(self) -> str:
        each = ", ".join(f"{kind} {points_text(worth)}" for kind, worth in self.points)
        return f"score({each}, half-life {format_duration(self.half_life)}) {describe_comparison(self.comparison)}"

    def looks_at(self) -> tuple[Comparison, Domain]:
        return self.comparison, SCORE.domain

    def sentence(self, words: Words) -> str:
        points = words.shared.both.together([words.scored(name, worth) for name, worth in self.points])
        half_life, test = words.duration(self.half_life), words.comparison(self.comparison)
        return words.phrases(ScorePhrases).score.format(points=points, duration=half_life, test=test)

    def denial(self, words: Words) -> str | None:
        # It is always a number, so the opposite comparison says the same.
        opposite = opposite_comparison(self.comparison)
        return None if opposite is None else replace(self, comparison=opposite).sentence(words)

    def seen(self, observed: Observed) -> str | None:
        return value_or_none_yet(observed)

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return compared(self.comparison, observed, wanted=wanted, adds_up=True)


class Points(Shape[tuple[tuple[str, float], ...]]):
    """Touchpoint types and what each is worth."""

    def read(self, node: Node, report: Report) -> tuple[tuple[str, float], ...] | Bad:
        if not isinstance(node, MapNode) or not node.entries:
            return refuse(node, "a map of touchpoint types to points, such as {product_view: 1, add_to_cart: 5}", report)
        if len(node.entries) > MAX_LIST:
            report.error(node.position, f"expected at most {MAX_LIST} types, found {len(node.entries)}")
            return BAD
        before = report.errors
        points: list[tuple[str, float]] = []
        for entry in node.entries:
            if entry.key == ANY_TYPE or not 0 < len(entry.key) <= MAX_TYPE:
                report.error(
                    entry.key_position, f"expected one touchpoint type of 1 to {MAX_TYPE} characters, found `{shortened(entry.key)}`"
                )
            worth = Number().read(entry.node, report)
            if worth is BAD and isinstance(entry.node, InvalidNode):
                report.error(entry.node.position, "points are a finite number")
            if worth == 0:
                report.error(entry.node.position, "0 points change nothing: leave the type out")
            elif worth is not BAD:
                points.append((entry.key, float(worth)))
        return tuple(sorted(points)) if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        names = {"minLength": 1, "maxLength": MAX_TYPE, "not": {"const": ANY_TYPE}}
        worth = {"type": "number", "not": {"const": 0}}
        return {"type": "object", "minProperties": 1, "maxProperties": MAX_LIST, "propertyNames": names, "additionalProperties": worth}


POINTS = own("score", Points(), "Touchpoint types and what each is worth when it happens.")
HALF_LIFE = own("half_life", Span(), "After this long a touchpoint is worth half.")


def _score(record: ReadMap, comparison: Comparison, _: Report) -> Condition:
    return Score(record.need(POINTS), record.need(HALF_LIFE), comparison)


def _score_kind(record: ReadMap) -> Kind:
    points = [worth for _, worth in record.need(POINTS)]
    if min(points) > 0:
        return RISING_SCORE
    return FALLING_SCORE if max(points) < 0 else SCORE


KIND = ConditionKind(
    "score",
    "Points for touchpoints, which halve again and again as time passes.",
    (POINTS, HALF_LIFE),
    _score,
    compares=_score_kind,
    widest=SCORE,
    phrases=ScorePhrases,
)
