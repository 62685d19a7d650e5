"""A record that could not be used, with its reason."""

from pathlib import Path
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import LONGEST_DETAIL, REASONS, Rejected, rejected
from etapa.contracts.outgoing.dead_letter import (
    ATTEMPT,
    REASON,
    REDRIVEN_FROM,
    DeadLetter,
    DeadLetterError,
    attempts_of,
    decode_dead_letter,
    encode_dead_letter,
    redriven_headers,
)

ORIGINAL = (("traceparent", b"00-4b"), ("twice", b"1"), ("twice", b"\xff"))


@pytest.mark.parametrize(("key", "value"), [(b"c-42", b"\xff\x00not json"), (None, None), (b"", b"")])
def test_the_original_is_untouched(key: bytes | None, value: bytes | None) -> None:
    sent = encode_dead_letter(key, value, ORIGINAL, Rejected("not_json", "detail"), "touchpoints", 3, 17)
    assert sent[:2] == (key, value)
    assert tuple(sent[2][: len(ORIGINAL)]) == ORIGINAL


@pytest.mark.parametrize("reason", REASONS)
def test_a_reader_learns_why_and_where_from(reason: str) -> None:
    why = rejected(reason, "añadido")  # type: ignore[arg-type]
    sent = encode_dead_letter(b"c-42", b"{}", ORIGINAL, why, "touchpoints", 3, 17)
    assert decode_dead_letter(*sent) == DeadLetter(b"c-42", b"{}", ORIGINAL, why.reason, "añadido", "touchpoints", 3, 17)


@pytest.mark.parametrize("reason", REASONS)
def test_a_person_finds_out_what_to_do(reason: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `") and f"`{reason}`" in line.split("|")[1]]


def test_the_headers_are_text() -> None:
    _, _, headers = encode_dead_letter(b"c-42", b"{}", (), Rejected("invalid", "detail"), "touchpoints", 3, 17)
    assert headers == (
        ("etapa.reason", b"invalid"),
        ("etapa.detail", b"detail"),
        ("etapa.topic", b"touchpoints"),
        ("etapa.partition", b"3"),
        ("etapa.offset", b"17"),
    )


def test_of_a_second_life_as_a_dead_letter_the_latest_reason_counts() -> None:
    first = encode_dead_letter(b"c", b"{}", ORIGINAL, Rejected("not_json", "first"), "touchpoints", 3, 17)
    second = encode_dead_letter(*first, Rejected("invalid", "second"), "touchpoints", 3, 99)
    letter = decode_dead_letter(*second)
    assert (letter.reason, letter.detail, letter.offset) == ("invalid", "second", 99)
    assert decode_dead_letter(letter.key, letter.value, letter.headers).detail == "first"


def test_headers_added_on_the_way_do_not_hide_the_reason() -> None:
    key, value, headers = encode_dead_letter(b"c", b"{}", ORIGINAL, Rejected("not_json", "detail"), "touchpoints", 3, 17)
    letter = decode_dead_letter(key, value, (*headers, ("proxy", b"7")))
    assert letter.reason == "not_json"
    assert tuple(letter.headers) == (*ORIGINAL, ("proxy", b"7"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("etapa.reason", None, "no header etapa.reason"),
        ("etapa.offset", None, "no header etapa.offset"),
        ("etapa.reason", b"bored", "'bored', not one of too_large, not_json"),
        ("etapa.partition", b"three", "three"),
        ("etapa.detail", b"\xff", "utf-8"),
    ],
)
def test_what_is_no_dead_letter_is_told_so(name: str, value: bytes | None, says: str) -> None:
    _, _, headers = encode_dead_letter(b"c", b"{}", ORIGINAL, Rejected("not_json", "detail"), "touchpoints", 3, 17)
    changed = [header for header in headers if header[0] != name] + ([] if value is None else [(name, value)])
    with pytest.raises(DeadLetterError, match=says):
        decode_dead_letter(b"c", b"{}", changed)


def test_a_detail_is_one_short_line() -> None:
    detail = rejected("invalid", "first\nsecond\t" + "x" * 1000).detail
    assert detail.startswith("first second x")
    assert len(detail) == LONGEST_DETAIL


def test_what_is_sent_back_counts_its_attempts_however_often_it_fails_again() -> None:
    headers: tuple[tuple[str, bytes], ...] = ORIGINAL
    for attempt in (1, 2, 3):
        sent = encode_dead_letter(b"c", b"{}", headers, Rejected("invalid", "detail"), "touchpoints", 3, attempt)
        letter = decode_dead_letter(*sent)
        assert attempts_of(letter.headers) == attempt - 1
        headers = tuple(redriven_headers(letter, "dead-letters", 3, 70 + attempt))
        assert headers == (*ORIGINAL, (ATTEMPT, b"%d" % attempt), (REDRIVEN_FROM, b"dead-letters/3/7%d" % attempt))


@pytest.mark.parametrize("text", [b"", b"-1", b"one", b"\xff", b"9" * 5000, b" 1"])
def test_an_attempt_that_is_no_number_is_somebody_elses(text: bytes) -> None:
    assert attempts_of(((ATTEMPT, b"2"), (ATTEMPT, text))) == 0


def test_a_header_without_a_value_is_no_attempt_and_no_reason() -> None:
    nothing: Any = None
    assert attempts_of([(ATTEMPT, nothing)]) == 0
    key, value, headers = encode_dead_letter(b"k", b"v", [("trace", nothing)], rejected("invalid", "why"), "touchpoints", 3, 7)
    assert decode_dead_letter(key, value, headers).headers == (("trace", nothing),)
    with pytest.raises(DeadLetterError, match=f"no header {REASON}"):
        decode_dead_letter(key, value, [*headers, (REASON, nothing)])
