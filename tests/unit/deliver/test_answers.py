import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.deliver.attempts.target_answers import Answer, verdict_of, wait_asked_for
from etapa.journey.units import SECOND

NOW = parse_time("2026-11-21T10:00:00Z")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_a_delivery(status: int) -> None:
    assert verdict_of(Answer(status)) == "delivered"


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504, 599])
def test_no_answer_408_429_and_5xx_are_tried_again(status: int | None) -> None:
    assert verdict_of(Answer(status)) == "failed"


@pytest.mark.parametrize("status", [101, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 422, 425, 451, 600])
def test_everything_else_is_a_refusal(status: int) -> None:
    assert verdict_of(Answer(status)) == "refused"


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0),
        ("120", 120 * SECOND),
        (" 7 ", 7 * SECOND),
        ("Sat, 21 Nov 2026 10:01:00 GMT", 60 * SECOND),
        ("Saturday, 21-Nov-26 10:01:00 GMT", 60 * SECOND),
        ("Sat Nov 21 10:01:00 2026", 60 * SECOND),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0),
        ("Sat, 21 Nov 2026 12:01:00 +0200", 60 * SECOND),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, wait: int) -> None:
    assert wait_asked_for(header, NOW) == wait


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "1.5", "1e3", "Sat, 99 Nov 2026 10:01:00 GMT", "٣", "9" * 400])
def test_a_retry_after_that_makes_no_sense_counts_as_none(header: str | None) -> None:
    assert wait_asked_for(header, NOW) is None


def test_a_retry_after_of_centuries_is_a_number_that_can_be_bounded() -> None:
    assert wait_asked_for("9" * 18, NOW) == wait_asked_for("Fri, 31 Dec 9999 23:59:59 GMT", NOW)


def test_an_answer_is_told_with_its_status() -> None:
    assert Answer(503).told == "HTTP 503 Service Unavailable"
    assert Answer(599).told == "HTTP 599"
    assert Answer(None, "no connection: refused").told == "no connection: refused"
