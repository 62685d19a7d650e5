"""A record, or an element of one, that a source file skips."""

import msgspec


class SkippedRecord(msgspec.Struct, frozen=True, gc=False):
    """`rule` is the rule of the source file that skips it."""

    rule: str
