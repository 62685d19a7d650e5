"""The pure parts of a batch."""

from etapa.contracts.rejected import Rejected
from etapa.journey.engine.touchpoint import StageChange, Touchpoint
from etapa.stream.batch import Waiting, stage_deltas
from etapa.stream.ports import Record


def change(source: str | None, to: str) -> StageChange:
    return StageChange("c", 1, source, to, None, 0, "touchpoint", None, (), None, None, None)


def test_stages_that_neither_grew_nor_shrank_are_left_out() -> None:
    assert stage_deltas([change(None, "new"), change("new", "active"), change("gone", "active")]) == {"active": 2, "gone": -1}
    assert stage_deltas([change("new", "active"), change("active", "new")]) == {}


def test_what_was_not_taken_keeps_waiting_in_order() -> None:
    records = [Record(offset, 0, None, None) for offset in range(3)]
    items = [Touchpoint(str(offset), "c", "view", offset) for offset in range(3)]
    rest = Waiting(records, items).without_first(2)
    assert (list(rest.records), list(rest.items)) == (records[2:], items[2:])
    assert not Waiting(records, items).without_first(3).records


def test_a_record_that_cannot_be_judged_waits_on_as_one_that_cannot_be_used() -> None:
    items = [Touchpoint(str(offset), "c", "view", offset) for offset in range(3)]
    reason = Rejected("evaluation_failed", "")
    assert Waiting([], items).with_rejected(1, reason).items == [items[0], reason, items[2]]
