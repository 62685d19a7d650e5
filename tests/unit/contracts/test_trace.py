"""Which headers name a trace, and which are dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etapa.contracts.trace import MOST_BAGGAGE, MOST_TRACESTATE, trace_of

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_three_headers_are_passed_on_as_they_came_and_no_others() -> None:
    headers = [("baggage", b"shop=1"), ("x-other", b"1"), ("tracestate", b"a=1,b=2"), ("traceparent", PARENT)]
    assert trace_of(headers) == [("traceparent", PARENT), ("tracestate", b"a=1,b=2"), ("baggage", b"shop=1")]


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        PARENT.upper(),
        PARENT[:-1],
        PARENT + b"-more",
        b"ff" + PARENT[2:],
        b"00-" + b"0" * 32 + PARENT[35:],
        PARENT[:36] + b"0" * 16 + PARENT[52:],
        PARENT.replace(b"-", b"_"),
        PARENT[:-1] + b"\n",
    ],
)
def test_what_is_no_traceparent_names_no_trace(parent: bytes) -> None:
    assert trace_of([("traceparent", parent), ("baggage", b"a=1")]) == []


def test_a_later_version_may_have_more_behind() -> None:
    parent = b"01" + PARENT[2:] + b"-more"
    assert trace_of([("traceparent", parent)]) == [("traceparent", parent)]


def test_what_is_too_long_is_left_behind() -> None:
    long = [("traceparent", PARENT), ("tracestate", b"a" * (MOST_TRACESTATE + 1)), ("baggage", b"b" * (MOST_BAGGAGE + 1))]
    assert trace_of(long) == [("traceparent", PARENT)]


@given(st.lists(st.tuples(st.sampled_from(["traceparent", "tracestate", "baggage", "other"]), st.binary(max_size=80)), max_size=6))
def test_whatever_comes_what_is_passed_on_can_stand_in_any_header(headers: list[tuple[str, bytes]]) -> None:
    for parent in ([], [("traceparent", PARENT)]):
        for name, value in trace_of([*headers, *parent]):
            assert name in ("traceparent", "tracestate", "baggage")
            assert value.decode("ascii").isprintable()
