"""Placeholder customer ids are refused, and the list of them is a setting."""

import json

import pytest

from etapa.contracts.incoming.placeholder_ids import USUAL_PLACEHOLDERS
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint, read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint


def read(customer_id: str, limits: TouchpointLimits) -> Touchpoint | Rejected:
    touchpoint = {"id": "e-1", "customer_id": customer_id, "type": "visit", "occurred_at": "2026-01-01T00:00:00Z"}
    return read_touchpoint(json.dumps(touchpoint).encode(), limits, None)


@pytest.mark.parametrize(
    "customer_id",
    [
        *USUAL_PLACEHOLDERS,
        *("", " ", "\t \u00a0", "\u3000", "None", "NULL", "NaN", "Undefined", "GUEST", " null ", "[Object object]"),
        *("00", "0000000000000", "00000000-0000-0000-0000-000000000000", "0.0", "-0"),
    ],
)
def test_a_placeholder_is_no_customer(customer_id: str) -> None:
    found = read(customer_id, TouchpointLimits())
    assert isinstance(found, Rejected)
    assert found.reason == "placeholder_id"


@pytest.mark.parametrize(
    "customer_id",
    ["c-1", "1", "-2", "01", "0a", "00000000-0000-0000-0000-000000000001", "nullius", "nona", "guest-7", "-", "unknown2", "Ñandú", "😀"],
)
def test_an_id_that_only_looks_like_one_is_a_customer(customer_id: str) -> None:
    assert isinstance(read(customer_id, TouchpointLimits()), Touchpoint)


def test_the_list_is_what_an_installation_says() -> None:
    limits = TouchpointLimits.naming(["Walk-In", "0000"], max_bytes=1000)
    for taken in ("null", "0", "guest"):
        assert isinstance(read(taken, limits), Touchpoint)
    for refused in ("walk-in", "WALK-IN", "0000", " "):
        assert isinstance(read(refused, limits), Rejected)


def test_without_a_list_every_id_is_taken_that_is_none_too_short() -> None:
    limits = TouchpointLimits.naming([], max_bytes=1000)
    for taken in ("null", "0", " "):
        assert isinstance(read(taken, limits), Touchpoint)
    found = read("", limits)
    assert isinstance(found, Rejected)
    assert (found.reason, found.detail) == ("invalid", "customer_id is empty")


def test_a_record_is_told_so_before_its_key_is_looked_at() -> None:
    value = b'{"id":"e","customer_id":"null","type":"t","occurred_at":"2026-01-01T00:00:00Z"}'
    for key in (b"null", b"c-1", None):
        found = decode_touchpoint(key, value, TouchpointLimits(), None)
        assert isinstance(found, Rejected)
        assert found.reason == "placeholder_id"
