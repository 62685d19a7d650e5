"""The stage changes and campaign triggers of a batch, written for the log soon after they were made: later they would be in no cache any more."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.stage_change import ChangeWriter
from etapa.contracts.record_body import body_of
from etapa.journey.engine.facts.change_counts import ChangeCounts
from etapa.journey.engine.facts.changes import Offer, Release
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.stream.protocol.records import Headers
from etapa.stream.protocol.waiting import Traces
from etapa.stream.protocol.written_records import WrittenRecords

NO_TRACES: Final[Traces] = {}


@final
@mypyc_attr(acyclic=True)
class Announced:
    """Grows with every portion that is judged. To be dropped together with what was judged."""

    __slots__ = (
        "_change_ends",
        "_changes",
        "_last",
        "_traced",
        "_trigger_ends",
        "_triggers",
        "_writer",
        "campaign_triggers",
        "counts",
        "journey",
        "stage_changes",
        "traces",
        "version",
    )

    def __init__(self, journey: str, version: int) -> None:
        """`journey` and `version`: what the changes are made by."""
        self.journey: Final = journey
        self.version: Final = version
        self._changes: Final = bytearray()
        self._change_ends: Final[list[int]] = []
        self._triggers: Final = bytearray()
        self._trigger_ends: Final[list[int]] = []
        self.stage_changes: Final = WrittenRecords(self._changes, self._change_ends)
        self.campaign_triggers: Final = WrittenRecords(self._triggers, self._trigger_ends)
        self.counts: Final = ChangeCounts()
        self._last: StageChange | None = None
        self.traces: Traces | None = None
        """Those of the touchpoints that are judged; none: not known yet."""
        self._writer: Final = ChangeWriter(journey, version)
        self._traced: Final[dict[tuple[str, int], Headers]] = {}
        """The traces of the changes, by customer and number."""

    @property
    def last_change(self) -> tuple[str, int] | None:
        """The customer of the last change, and the change's number."""
        last = self._last
        return None if last is None else (last.customer_id, last.sequence)

    def add(self, told: list[StageChange | Release]) -> None:
        """Add changes, the triggers they cause, and triggers that had been held. The effects of a traced touchpoint carry its trace."""
        for each in told:
            if isinstance(each, StageChange):
                self._add_change(each)
                if each.offers:
                    for offer in each.offers:
                        self._add_offer(offer)
            else:
                self._add_offer(each.offer)

    def _add_change(self, change: StageChange) -> None:
        trace: Headers | None = None
        if change.touchpoint_id is not None and self.traces:
            trace = self.traces.get((change.customer_id, change.touchpoint_id))
        if trace is None:
            self._change_ends.append(self._writer.append_to(self._changes, change))
        else:
            self._traced[change.customer_id, change.sequence] = trace
            key, value, headers = self._writer.record(change)
            self._changes.extend(body_of(key, value, [*headers, *trace]))
            self._change_ends.append(len(self._changes))
        self.counts.add(change)
        self._last = change

    def _add_offer(self, offer: Offer) -> None:
        self.counts.add_offer(offer)
        trigger = offer.trigger
        if trigger is None:
            return
        key, value, headers = encode_campaign_trigger(trigger, self.journey, self.version)
        if self._traced:
            headers = [*headers, *self._traced.get((trigger.customer_id, trigger.sequence), ())]
        self._triggers.extend(body_of(key, value, headers))
        self._trigger_ends.append(len(self._triggers))
