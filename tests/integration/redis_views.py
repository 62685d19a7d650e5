"""Marks and customers to write into a view."""

from typing import Any

from etapa.stream.protocol.ports import ViewMark
from etapa.stream.protocol.records import Applied


def mark(state_offset: int, **others: Any) -> ViewMark:
    fields: dict[str, Any] = {
        "through": state_offset * 10,
        "stream_time": 1_700_000_000_123_456,
        "group": "g",
        "partitions": 3,
        "format": 1,
    }
    return ViewMark(state_offset, **{**fields, **others})


def customers(*places: tuple[str, str, int | None]) -> list[Applied]:
    return [Applied(id_, stage, due, f"{id_} in {stage}".encode() + b"\xff\x00") for id_, stage, due in places]
