"""What a source file makes of records."""

import json
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from etapa.sources.record_outcome import Mapped
from etapa.sources.value_changes import MappingError

BARE = {"id": "id", "customer_id": "user", "type": "event", "occurred_at": "at"}
RECORD: dict[str, Any] = {"id": "e-1", "user": "u-1", "event": "purchase", "at": "2026-01-05T09:20:00Z"}


def mapper(touchpoint: dict[str, Any] | None = None, **rest: Any) -> Mapper:
    # JSON is YAML.
    loaded = load_source(json.dumps({"source": "mine", "touchpoint": {**BARE, **(touchpoint or {})}, **rest}), "mine.yaml")
    assert loaded.source is not None, loaded.findings
    return Mapper(loaded.source, b"pepper")


def mapped(made: Mapper, **record: Any) -> dict[str, Any]:
    (outcome,) = made.outcomes({**RECORD, **record}, TouchpointLimits())
    assert isinstance(outcome, Mapped), outcome
    found: dict[str, Any] = json.loads(outcome.json)
    return found


def refused(made: Mapper, record: Any) -> Rejected:
    (outcome,) = made.outcomes(record, TouchpointLimits())
    assert isinstance(outcome, Rejected), outcome
    return outcome


def test_paths_give_the_fields() -> None:
    assert mapped(mapper()) == {"id": "e-1", "customer_id": "u-1", "type": "purchase", "occurred_at": "2026-01-05T09:20:00Z"}


def test_numbers_become_text_where_text_is_needed() -> None:
    assert mapped(mapper(), id=5940139491000, user=7)["id"] == "5940139491000"


def test_the_first_that_is_there_and_not_empty_is_taken() -> None:
    made = mapper({"customer_id": {"first": ["user", "anonymous", {"const": "somebody"}]}})
    assert mapped(made, user="", anonymous="a-1")["customer_id"] == "a-1"
    assert mapped(made, user=None)["customer_id"] == "somebody"


def test_the_same_values_make_the_same_id_and_others_another() -> None:
    made = mapper({"id": {"hash": ["user", "at"]}})
    assert mapped(made)["id"] == mapped(made, event="other")["id"] != mapped(made, user="u-2")["id"]
    assert mapped(mapper({"id": {"hash": ["user", "missing"]}}))["id"] != mapped(mapper({"id": {"hash": ["missing", "user"]}}))["id"]


def test_types_are_translated_and_others_are_kept_skipped_or_dead() -> None:
    translated = {"of": "event", "map": {"Order Completed": "purchase", "3": "third"}}
    assert mapped(mapper({"type": translated}), event="Order Completed")["type"] == "purchase"
    assert mapped(mapper({"type": translated}), event=3)["type"] == "third"
    assert mapped(mapper({"type": {**translated, "else": "keep"}}), event="Other")["type"] == "Other"
    (skipped,) = mapper({"type": {**translated, "else": "skip"}}).outcomes({**RECORD, "event": "Other"}, TouchpointLimits())
    assert skipped == SkippedRecord("`event` is not in `map`")
    assert refused(mapper({"type": translated}), {**RECORD, "event": "Other"}).detail == "type: the value at `event` is not in `map`"


def test_values_are_converted_in_the_order_that_is_written() -> None:
    made = mapper(
        {"customer_id": {"of": "email", "as": ["trim", "lower", "nfc"]}, "properties": {"amount": {"of": "total", "as": "number"}}}
    )
    found = mapped(made, email="  ADA@Example.com ", total=" 59.99 ")
    assert (found["customer_id"], found["properties"]) == ("ada@example.com", {"amount": 59.99})
    assert refused(made, {**RECORD, "email": "x", "total": "about 5"}).detail == (
        "properties.amount: expected a number, found text that is not a number at `total`"
    )


def test_a_pseudonym_needs_a_pepper_and_hangs_on_it() -> None:
    source = load_source(json.dumps({"source": "mine", "touchpoint": {**BARE, "customer_id": {"of": "user", "as": "sha256"}}}), "x").source
    assert source is not None
    with pytest.raises(MappingError, match="ETAPA_SOURCE_PEPPER"):
        Mapper(source)
    one, other = (mapped(Mapper(source, pepper))["customer_id"] for pepper in (b"one", b"other"))
    assert len(one) == 64
    assert one != other


def test_maps_are_spread_and_single_names_win() -> None:
    made = mapper({"properties": {"*": ["extra", "more"], "amount": "total"}})
    found = mapped(made, extra={"amount": 1, "a": 1}, more={"a": 2}, total=5)
    assert found["properties"] == {"amount": 5, "a": 2}
    assert refused(made, {**RECORD, "extra": [1]}).detail == "properties: expected an object at `extra`, found a list"


def test_when_takes_a_field_of_some_records_only() -> None:
    made = mapper({"traits": {"*": {"of": "traits", "when": {"event": "identify"}}}})
    assert "traits" not in mapped(made, traits={"plan": "pro"})
    assert mapped(made, event="identify", traits={"plan": "pro"})["traits"] == {"plan": "pro"}


def test_what_is_not_wanted_is_skipped_with_its_rule() -> None:
    made = mapper(skip=[{"event": "ping"}, {"event": "page", "where": {"name": {"matches": "^/health"}}}])
    assert made.outcomes({**RECORD, "event": "ping"}, TouchpointLimits()) == [SkippedRecord("skip 1: event")]
    assert made.outcomes({**RECORD, "event": "page", "name": "/health/live"}, TouchpointLimits()) == [SkippedRecord("skip 2: event, name")]
    assert mapped(made, event="page", name="/shoes")["type"] == "page"


def test_each_element_of_a_list_is_a_touchpoint_of_its_own() -> None:
    made = mapper({"id": {"hash": ["^.visit", "#"]}, "customer_id": "^.user"}, each="actions")
    record = {"visit": 9, "user": "u-1", "actions": [{"event": "view", "at": "2026-01-05T09:20:00Z"}, {"event": "buy"}, 5]}
    first, second, third = made.outcomes(record, TouchpointLimits())
    assert isinstance(first, Mapped)
    assert first.touchpoint.customer_id == "u-1"
    assert isinstance(second, Rejected)
    assert second.detail == "occurred_at: expected a time, found nothing at `at`"
    assert isinstance(third, Rejected)
    assert made.outcomes({"actions": []}, TouchpointLimits()) == [SkippedRecord("`actions` is empty")]
    assert refused(made, {"actions": "none"}).detail == "expected a list at `actions`, found text"
    assert refused(made, {"actions": [{}] * 10_001}).reason == "too_large"


@pytest.mark.parametrize("user", ["undefined", " NULL ", "0", "00000000-0000-0000-0000-000000000000", "guest"])
def test_ids_that_name_nobody_are_dead_letters(user: str) -> None:
    found = refused(mapper(), {**RECORD, "user": user})
    assert (found.reason, found.detail) == ("placeholder_id", "found a placeholder instead of a customer id at `user`, such as null or 0")


def test_a_source_has_a_list_of_its_own_of_ids_that_name_nobody() -> None:
    made = mapper(placeholder_ids=["Web"])
    assert refused(made, {**RECORD, "user": "web"}).reason == "placeholder_id"
    assert mapped(made, user="guest")["customer_id"] == "guest"


@pytest.mark.parametrize("record", [5, None, "text", [RECORD], True])
def test_a_record_is_an_object(record: Any) -> None:
    assert refused(mapper(), record).detail.startswith("expected an object, found ")


def test_a_missing_field_is_named_with_all_places_it_was_looked_for() -> None:
    made = mapper({"customer_id": {"first": ["user", "context.user"]}})
    assert refused(made, {**RECORD, "user": None}).detail == "customer_id: expected text, found nothing at `user` or `context.user`"


def test_a_time_without_an_offset_is_refused_unless_a_zone_is_told() -> None:
    assert refused(mapper(), {**RECORD, "at": "2026-01-05T09:20:00"}).detail.startswith("occurred_at")
    assert mapped(mapper({"occurred_at": {"of": "at", "zone": "UTC"}}), at="2026-01-05T09:20:00")["occurred_at"] == "2026-01-05T09:20:00Z"


def test_explain_tells_where_each_value_was_found() -> None:
    made = mapper({"customer_id": {"first": ["user", "anonymous"]}, "properties": {"amount": {"of": "total", "as": "number"}}})
    rows = made.explain({**RECORD, "user": "", "anonymous": "a-1", "total": "x"}, 0)
    assert ("customer_id", "a-1", "`anonymous`") in rows
    assert ("properties.amount", None, "`total`") in rows


def test_elements_use_no_more_of_the_record_around_them_than_is_bounded() -> None:
    # Without the bound this record of a mebibyte would become gigabytes.
    made = mapper({"id": {"hash": ["#", "^.big"]}, "customer_id": "^.user", "properties": {"*": "^.big"}}, each="actions")
    big = {f"k{number}": number for number in range(50_000)}
    record = {"user": "u-1", "big": big, "actions": [{"event": "view", "at": "2026-01-05T09:20:00Z"}] * 1_000}
    found = made.outcomes(record, TouchpointLimits())
    assert isinstance(found[0], Mapped)
    assert isinstance(found[-1], Rejected)
    assert found[-1].reason == "too_large"
    assert sum(isinstance(each, Mapped) for each in found) < 20


def test_a_touchpoint_larger_than_its_record_is_refused_by_its_own_size() -> None:
    made = mapper({"properties": dict.fromkeys("abcdef", "note")})
    assert refused(made, {**RECORD, "note": "x" * 200_000}).reason == "too_large"
    assert isinstance(made.outcomes({**RECORD, "note": "x" * 100_000}, TouchpointLimits())[0], Mapped)


def test_what_no_64_bit_reader_could_hold_and_what_nests_too_deep_is_refused() -> None:
    made = mapper({"properties": {"*": "extra"}})
    assert refused(made, {**RECORD, "extra": {"n": 2**63}}).detail == "an integer in properties does not fit 64 bits"
    assert refused(made, {**RECORD, "extra": {"n": [{"m": -(2**64)}]}}).detail == "an integer in properties does not fit 64 bits"
    nest: Any = 1
    for _ in range(30):
        nest = [nest]
    assert isinstance(made.outcomes({**RECORD, "extra": {"n": nest}}, TouchpointLimits())[0], Mapped)
    assert refused(made, {**RECORD, "extra": {"n": [nest]}}).detail == "objects and arrays in properties are nested more than 30 deep"
