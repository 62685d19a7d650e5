"""`in_stage`: in the stage for a duration."""

from dataclasses import dataclass

from etapa.journey.duration import format_duration
from etapa.journey.language.kinds.condition import Condition, Leaf, Observed
from etapa.journey.language.kinds.kind import ConditionKind, own
from etapa.journey.language.kinds.wording import in_microseconds, rough_duration, time_left
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.phrasing.phrases import KindPhrases
from etapa.journey.language.phrasing.words import Words
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.maps import ReadMap
from etapa.journey.language.reading.shapes import Span


class InStagePhrases(KindPhrases, frozen=True):
    long_enough: str
    not_yet: str


@dataclass(frozen=True, slots=True)
class InStage(Leaf):
    duration: int

    def text(self) -> str:
        return f"in_stage({format_duration(self.duration)})"

    def implies(self, weaker: Leaf) -> bool:
        return isinstance(weaker, InStage) and self.duration >= weaker.duration

    def sentence(self, words: Words) -> str:
        return words.phrases(InStagePhrases).long_enough.format(duration=words.duration(self.duration))

    def denial(self, words: Words) -> str:
        return words.phrases(InStagePhrases).not_yet.format(duration=words.duration(self.duration))

    def seen(self, observed: Observed) -> str | None:
        return f"{rough_duration(in_microseconds(observed))} in the stage"

    def lacking(self, observed: Observed, now: int, changes_at: int | None, *, wanted: bool) -> str:
        return time_left(now, changes_at) if wanted else f"{rough_duration(in_microseconds(observed) - self.duration)} too long"


IN_STAGE = own("in_stage", Span(), "At least how long the customer has been in the stage.")


def _in_stage(record: ReadMap, _: Comparison, __: Report) -> Condition:
    return InStage(record.need(IN_STAGE))


KIND = ConditionKind("in_stage", "The customer has been in the stage for this long.", (IN_STAGE,), _in_stage, phrases=InStagePhrases)
