"""`event`: the touchpoint at hand matches."""

from dataclasses import dataclass

from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import WHERE, ConditionKind, Types, own, read_match
from etapa.journey.language.kinds.overlap import match_covers, matches_exclude
from etapa.journey.language.matching.descriptions import describe_match, window_text
from etapa.journey.language.matching.matches import Comparison, Match
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import Field, ReadMap
from etapa.journey.language.reading.shapes import Bad, Span


class EventPhrases(KindPhrases, frozen=True):
    happens: str
    lately: str
    not_happening: str


@dataclass(frozen=True, slots=True)
class Event(Leaf):
    match: Match
    within: int | None = None
    """Only if it occurred less than this before now (microseconds). A touchpoint that arrives later is remembered, but does not match."""

    def text(self) -> str:
        return f"event({describe_match(self.match)}{window_text(self.within)})"

    def implies(self, weaker: Leaf) -> bool:
        if not isinstance(weaker, Event) or not match_covers(weaker.match, self.match):
            return False
        return weaker.within is None or (self.within is not None and self.within <= weaker.within)

    def excludes(self, other: Leaf) -> bool:
        return isinstance(other, Event) and matches_exclude(self.match, other.match)

    def sentence(self, words: Words) -> str:
        phrases = words.phrases(EventPhrases)
        told = phrases.happens if self.within is None else phrases.lately
        return told.format(types=words.names(self.match), where=words.where(self.match), duration=words.duration(self.within or 0))

    def denial(self, words: Words) -> str:
        if self.within is not None:
            return words.shared.never.format(types=words.types(self.match), window=words.lately(self.within))
        return words.phrases(EventPhrases).not_happening.format(types=words.names(self.match), where=words.where(self.match))

    def seen(self, observed: Observed) -> str | None:
        return None

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return f"waits for {self.text()}"


EVENT = own("event", Types(), 'The touchpoint types that match: a type, a list of types, or "*" for any.')


WITHIN = Field("within", Span(), "Only if it occurred less than this long ago. Left out: however late it arrives.")


def _event(record: ReadMap, _: Comparison, report: Report) -> Condition | Bad:
    match = read_match(record, EVENT, report)
    return match if isinstance(match, Bad) else Event(match, record.get(WITHIN))


KIND = ConditionKind(
    "event",
    "True while a touchpoint that matches is being processed; false when time alone has passed.",
    (EVENT, WHERE, WITHIN),
    _event,
    phrases=EventPhrases,
)
