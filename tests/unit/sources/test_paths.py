"""Paths into records."""

from typing import Any

import pytest

from etapa.sources.finding import Element, Finders, WholeRecord
from etapa.sources.language.paths import PathError, parse_path

RECORD: dict[str, Any] = {
    "userId": "u-1",
    "context": {"page": {"url": "/shoes"}},
    "line_items": [{"sku": "A", "tags": ["x", "y"]}, {"quantity": 1}, {"sku": "B", "tags": ["z"]}],
    "event_params": [{"key": "source", "value": {"string_value": "mail"}}, {"key": "value", "value": {"int_value": 3}}],
}


def found(path: str, element: Any, number: int = 0) -> Any:
    return Finders().of(parse_path(path)).find(Element(element, number, WholeRecord(RECORD)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userId", "u-1"),
        ("context.page.url", "/shoes"),
        ("context.page", {"url": "/shoes"}),
        ("context.nothing.url", None),
        ("userId.name", None),
        ("line_items[].sku", ["A", "B"]),
        ("line_items[].tags[]", ["x", "y", "z"]),
        ("line_items[]", RECORD["line_items"]),
        ("userId[]", None),
        ("event_params[key=value].value.int_value", 3),
        ("event_params[key=source].value.string_value", "mail"),
        ("event_params[key=medium].value.string_value", None),
        ("context[key=page]", None),
    ],
)
def test_a_path_finds_what_lies_there_and_nothing_where_nothing_does(path: str, value: Any) -> None:
    assert found(path, RECORD) == value


def test_a_caret_looks_into_the_record_around_and_a_number_sign_is_the_place_in_the_list() -> None:
    element = {"sku": "A"}
    assert found("^.userId", element, 4) == "u-1"
    assert found("userId", element, 4) is None
    assert found("#", element, 4) == 4


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[key]", "a[=x]", "a[key=]", "[]", "^.", "a[]b", "a" * 301])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError, match="path"):
        parse_path(text)


def test_a_path_has_a_bounded_number_of_keys() -> None:
    assert parse_path(".".join("a" * 16)).text.count(".") == 15
    with pytest.raises(PathError, match="at most 16 keys, found 17"):
        parse_path(".".join("a" * 17))
