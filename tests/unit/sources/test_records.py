"""Records from files."""

import io
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.sources.file_records import RecordsError, records
from etapa.sources.json_records import JsonRecords
from etapa.sources.language.model import Decode


def read(content: bytes, decode: Decode = "json", max_bytes: int = 1000) -> list[tuple[int, Any]]:
    return [
        (each.number, each.record.reason if isinstance(each.record, Rejected) else each.record)
        for each in records(io.BytesIO(content), decode, JsonRecords(), max_bytes, lambda value: {"framed": value.hex()})
    ]


def test_json_lines_come_with_their_numbers() -> None:
    assert read(b'\xef\xbb\xbf{"a":1}\n\n{"a":2}\nnot json\n[3]') == [(1, {"a": 1}), (3, {"a": 2}), (4, "not_json"), (5, [3])]


def test_a_line_that_is_too_long_is_told_and_the_next_one_is_read() -> None:
    assert read(b'{"a":"' + b"x" * 5000 + b'"}\n{"a":2}\n', max_bytes=100) == [(1, "too_large"), (2, {"a": 2})]


def test_an_array_is_read_element_by_element() -> None:
    assert read(b'\n [\n {"a":1},\n {"a":2}\n]\n') == [(1, {"a": 1}), (2, {"a": 2})]


def test_what_begins_like_an_array_and_is_none_is_told() -> None:
    with pytest.raises(RecordsError, match="begins like a JSON array"):
        read(b'[{"a":1},\n')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_rows_become_objects_without_their_empty_cells(delimiter: str) -> None:
    text = 'user;event;note\nu-1;purchase;"two\nlines"\n\nu-2;;x\nu-3\n'.replace(";", delimiter)
    found = read(b"\xef\xbb\xbf" + text.encode(), "csv")
    assert found == [(3, {"user": "u-1", "event": "purchase", "note": "two\nlines"}), (5, {"user": "u-2", "note": "x"}), (6, "invalid")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,a\n1,2\n", "must name each column once"),
        (b"a,b\rc,d\n1,2\n", "line 1, which must name the columns, is not CSV"),
        (b"a,,b\n", "a column without a name"),
        (b"a,b\n\xff,1\n", "line 2 is not UTF-8"),
        (b'a,b\n"' + b"x" * 2000, "is a quotation mark missing"),
    ],
)
def test_csv_that_cannot_be_read_is_told_with_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(RecordsError, match=said):
        read(content, "csv")


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"") == read(b"", "csv") == read(b"a,b\n", "csv") == []


def test_a_line_in_base64_is_a_record_framed_for_a_registry() -> None:
    assert read(b'AAAAAAdhYg==\n{"a":1}\nAAAA!\n') == [(1, {"framed": "00000000076162"}), (2, {"a": 1}), (3, "not_json")]


def test_a_csv_may_have_very_many_columns() -> None:
    names = [f"c{number}" for number in range(150_000)]
    heading = ",".join(names).encode()
    assert read(heading + b"\n" + b"," * (len(names) - 1) + b"7\n", "csv", 2 << 20) == [(2, {names[-1]: "7"})]
    with pytest.raises(RecordsError, match="'c1' is wrong"):
        read(heading + b",c1\n", "csv", 2 << 20)
