"""A link is a touchpoint of the type `$link`, and its `same_as` is another id of the same person."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint, read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from tests.unit.contracts.test_schemas import schema_of

IN_FILES = TouchpointLimits(takes_links=True)
LINK: dict[str, Any] = {"id": "l-1", "customer_id": "anon-7", "type": "$link", "occurred_at": "2026-01-01T00:00:00Z", "same_as": "ada"}


def read(limits: TouchpointLimits = IN_FILES, **changed: Any) -> Touchpoint | Rejected:
    fields = {name: value for name, value in (LINK | changed).items() if value is not ...}
    return read_touchpoint(json.dumps(fields).encode(), limits, None)


def test_a_link_names_the_id_that_is_kept() -> None:
    found = read(channel="web", properties={"x": 1}, anything="else")
    assert isinstance(found, Touchpoint)
    assert (found.id, found.customer_id, found.type, found.properties) == ("l-1", "anon-7", "$link", {SAME_AS: "ada"})


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"same_as": ...}, "invalid", "a $link needs same_as: the id that customer_id is the same person as"),
        ({"same_as": None}, "invalid", "a $link needs same_as: the id that customer_id is the same person as"),
        ({"same_as": 7}, "invalid", "same_as is not text; it must be a customer id"),
        ({"same_as": ""}, "invalid", "same_as is empty; it must be a customer id"),
        ({"same_as": "a" * 257}, "invalid", "same_as has more than 256 characters; it must be a customer id"),
        ({"same_as": "anon-7"}, "invalid", "same_as is the customer_id itself; a link joins two different ids"),
        (
            {"same_as": "null"},
            "placeholder_id",
            "same_as names nobody: it is a placeholder such as null or 0; send the customer's own id, or no link",
        ),
    ],
)
def test_a_link_that_joins_nobody_says_what_is_wrong(changed: dict[str, Any], reason: str, detail: str) -> None:
    assert read(**changed) == Rejected(reason, detail)  # type: ignore[arg-type]
    # A worker says the same first, because such a link will never be of use.
    assert read(TouchpointLimits(), **changed) == read(**changed)


def test_a_worker_refuses_a_link_in_words_and_changes_nothing() -> None:
    found = decode_touchpoint(b"anon-7", json.dumps(LINK).encode(), TouchpointLimits(), None)
    assert isinstance(found, Rejected)
    assert found.reason == "not_linked"
    assert "its journey file has no `identity`" in found.detail


def test_same_as_of_another_touchpoint_is_ignored_as_any_unknown_field() -> None:
    assert isinstance(read(type="visit", same_as=7), Touchpoint)


@pytest.mark.parametrize("changed", [{}, {"same_as": ...}, {"same_as": ""}, {"same_as": 7}, {"type": "visit", "same_as": 7}])
def test_the_schema_takes_the_links_that_the_code_takes(changed: dict[str, Any]) -> None:
    fields = {name: value for name, value in (LINK | changed).items() if value is not ...}
    assert Draft202012Validator(schema_of("touchpoint")).is_valid(fields) == isinstance(read(**changed), Touchpoint)
