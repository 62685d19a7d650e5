"""Finds traces that the touchpoints of a batch belong to, looking at a limited number of records."""

from collections.abc import Mapping, Sequence

import msgspec

from etapa.contracts.trace import Headers, trace_of
from etapa.stream.protocol.records import Record

_SAMPLED = 0x01
"""The flag in a `traceparent` that says that the trace is recorded. https://www.w3.org/TR/trace-context/#sampled-flag"""


class TraceParent(msgspec.Struct, frozen=True):
    """The contents of a valid `traceparent`, in hexadecimal as received."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels for an exemplar."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}


def parent_of(headers: Headers) -> TraceParent | None:
    """The span that caused a record, if its headers name a valid one."""
    found = trace_of(headers)
    if not found:
        return None
    parent = found[0][1].decode("ascii")
    return TraceParent(parent[3:35], parent[36:52], bool(int(parent[53:55], 16) & _SAMPLED))


def sampled_parents(records: Sequence[Record], most: int) -> list[tuple[Record, TraceParent]]:
    """Records of sampled traces, one for each trace. At most `most` records are looked at, spread evenly over the batch."""
    found: dict[str, tuple[Record, TraceParent]] = {}
    for record in records[:: max(1, -(-len(records) // most))]:
        if record.headers:
            parent = parent_of(record.headers)
            if parent is not None and parent.sampled:
                found.setdefault(parent.trace_id, (record, parent))
    return list(found.values())
