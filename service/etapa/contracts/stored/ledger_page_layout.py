"""The layout of the ledger's pages. After a change, raise the format number in `ledger_page`."""

import msgspec


class PageRows(msgspec.Struct, array_like=True, gc=False):
    """Names, and the numbers row by row; numbers beyond 64 bits are text."""

    names: list[str]
    numbers: list[int | str]


class PageColumns(msgspec.Struct, array_like=True, gc=False):
    """Names, and the numbers column by column; in key columns, each as its difference from the one before."""

    names: list[str]
    columns: list[list[int | str]]


class SmallPageRows(msgspec.Struct, array_like=True, gc=False):
    """The same without numbers beyond 64 bits, as nearly all are: it is read faster."""

    names: list[str]
    numbers: list[int]


class SmallPageColumns(msgspec.Struct, array_like=True, gc=False):
    """The same for columns."""

    names: list[str]
    columns: list[list[int]]


class WrittenPage(msgspec.Struct, array_like=True, gc=False):
    format: int
    in_parts: bool
    """Whether each row begins with the hour of the day, or the day of the month; otherwise it is about the whole period."""
    body: PageRows | bytes
    """Plain rows, or compressed columns: a third of the size, at several times the cost."""


class SmallWrittenPage(msgspec.Struct, array_like=True, gc=False):
    format: int
    in_parts: bool
    body: SmallPageRows | bytes


class PageFormat(msgspec.Struct, array_like=True, gc=False):
    format: int
