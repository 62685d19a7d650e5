"""Records from Parquet and Avro files, with values as in JSON. Needs the extra `etapa[files]`."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Any, BinaryIO, Final

from etapa.contracts.rfc3339 import EARLIEST, LATEST, format_time
from etapa.sources.file_records import RecordsError

ROWS: Final = 16_384
"""Rows of a Parquet file that are in memory at once, besides their row group."""
_NEEDED: Final = "reading it needs `pip install 'etapa[files]'`"


def parquet_records(stream: BinaryIO, columns: Sequence[str] | None = None, times: Sequence[str] = ()) -> Iterator[Any]:
    """The rows of a Parquet file as maps; or only these `columns` of them, each row as a tuple of their values.

    Times become RFC 3339, decimals numbers, bytes text; NaN becomes null, and so does a column that is not there. For those of the columns
    that `times` names, each row ends with the time in microseconds since 1970 if the column holds times, which is then null in its place.
    Raises `RecordsError`.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise RecordsError(f"it is Parquet; {_NEEDED}") from None
    try:
        file = parquet.ParquetFile(stream)
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            raise RecordsError("two of its columns have the same name")
        convert = {field.name: _column(field.type) for field in file.schema_arrow}
        wanted = None if columns is None else [name for name in names if name in columns] or names[:1]
        for batch in file.iter_batches(batch_size=ROWS, columns=wanted):
            found = dict(zip(batch.schema.names, batch.columns, strict=True))
            instants = {name: at for name in times if name in found and (at := _instants(found[name])) is not None}
            values = {name: convert[name](column) for name, column in found.items() if name not in instants}
            if columns is None:
                for row in zip(*values.values(), strict=True):
                    yield dict(zip(values, row, strict=True))
            else:
                # In this way a row costs a fraction of what a map would.
                there = [values.get(name) for name in columns] + [instants.get(name) for name in times]
                yield from zip(*(each or repeat(None, batch.num_rows) for each in there), strict=True)
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(f"the Parquet cannot be read: {error}") from None


def avro_records(stream: BinaryIO) -> Iterator[Any]:
    """The records of an Avro container file, in the same form."""
    try:
        import fastavro
    except ImportError:
        raise RecordsError(f"it is an Avro file; {_NEEDED}") from None
    try:
        for record in fastavro.reader(stream):
            yield plain(record)
    except Exception as error:  # noqa: BLE001 - on damaged data it raises errors of its codecs and of Python itself
        raise RecordsError(f"the Avro file cannot be read: {type(error).__name__}: {error}") from None


def plain(value: Any) -> Any:
    """A value as in JSON."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is dict:
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo is None else value.astimezone(dt.UTC)).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _column(kind: Any) -> Callable[[Any], list[Any]]:
    """A function that converts a column of this type to a list of such values."""
    import pyarrow as pa
    from pyarrow import compute, types

    if types.is_dictionary(kind):
        inner = _column(kind.value_type)
        return lambda column: inner(column.dictionary_decode())
    if types.is_timestamp(kind):
        return lambda column: _times(column, is_local=kind.tz is None)
    if types.is_floating(kind):
        return lambda column: _listed(compute.if_else(compute.is_finite(column), column, None))
    if types.is_decimal(kind):
        return lambda column: _listed(column.cast(pa.float64()))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind) or types.is_boolean(kind):
        return _listed
    if types.is_map(kind):
        return lambda column: [None if each is None else {str(key): plain(value) for key, value in each} for each in column.to_pylist()]
    return lambda column: [plain(each) for each in column.to_pylist()]


def _listed(column: Any) -> list[Any]:
    found: list[Any] = column.to_pylist()
    return found


def _instants(column: Any) -> list[Any] | None:
    """Times in microseconds since 1970; None if the column holds anything else, local times, or times that messages cannot express."""
    from pyarrow import compute, types

    if not types.is_timestamp(column.type) or column.type.tz is None:
        return None
    numbers = _microseconds(column)
    ends = compute.min_max(numbers)
    earliest, latest = ends["min"].as_py(), ends["max"].as_py()
    return _listed(numbers) if earliest is not None and earliest >= EARLIEST and latest <= LATEST else None


def _microseconds(column: Any) -> Any:
    """A column of times as numbers. Objects for times, or text that pyarrow writes, would take several times as long."""
    import pyarrow as pa

    return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())


def _times(column: Any, *, is_local: bool) -> list[Any]:
    """Times as RFC 3339; local ones without an offset."""
    instants = _listed(_microseconds(column))
    texts = [None if at is None else _time(at) for at in instants]
    return [None if text is None else text.removesuffix("Z") for text in texts] if is_local else texts


def _time(at: int) -> str:
    try:
        return format_time(at)
    except OverflowError:
        return "a time outside the years 1 to 9999"
