"""A record, or an element of one, that a source file says is not wanted."""

import msgspec


class SkippedRecord(msgspec.Struct, frozen=True, gc=False):
    """`rule` says by which rule of the source file."""

    rule: str
