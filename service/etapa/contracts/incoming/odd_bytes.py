"""What bytes are that should be JSON but are not: compressed, framed, or of another format. Recognised by how they begin."""

import re
from typing import Final, NamedTuple


class Oddity(NamedTuple):
    """What the bytes are, and what to do about them."""

    looks_like: str
    """The words after `it looks like`."""
    remedy: str
    """What to do with such a file; `FILE` stands for its name."""


_BEGINNINGS: Final = (
    (b"\x1f\x8b", Oddity("gzip data", "unpack it: gzip -dc FILE")),
    (b"\x28\xb5\x2f\xfd", Oddity("Zstandard data", "unpack it: zstd -dc FILE")),
    (b"BZh", Oddity("bzip2 data", "unpack it: bzip2 -dc FILE")),
    (b"\xfd7zXZ\x00", Oddity("xz data", "unpack it: xz -dc FILE")),
    (b"\x04\x22\x4d\x18", Oddity("LZ4 data", "unpack it: lz4 -dc FILE")),
    (b"\xff\x06\x00\x00sNaPpY", Oddity("Snappy data", "unpack it")),
    (b"PK\x03\x04", Oddity("a ZIP archive (an XLSX file is one, too)", "unpack it: unzip -p FILE")),
    (b"PAR1", Oddity("Parquet", "write it as JSON Lines: duckdb -c \"copy 'FILE' to '/dev/stdout' (format json)\"")),
    (b"Obj\x01", Oddity("an Avro file", "write it as JSON Lines: avro-tools tojson FILE")),
    (b"\xff\xfe", Oddity("UTF-16", "write it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE")),
    (b"\xfe\xff", Oddity("UTF-16", "write it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE")),
    (b"\x1e", Oddity("a JSON text sequence (a record separator before each)", "take the separators out: tr -d '\\036' < FILE")),
    (b"data:", Oddity("server-sent events", "take the names of the fields out: sed -n 's/^data: *//p' FILE")),
    (b"<", Oddity("XML or HTML", "write it as JSON Lines")),
)
_FRAMED: Final = Oddity(
    "data framed for a schema registry (a byte 0 and the number of a schema before it)",
    "a source reads it, with ETAPA_REGISTRY_URL set: --source NAME",
)
_OF_PYTHON: Final = Oddity("what Python prints (single quotes)", "write it with json.dumps")
LIST: Final = Oddity("a JSON list", "write one touchpoint a line: jq -c '.[]' FILE")
SPREAD: Final = Oddity("JSON objects over several lines", "write one touchpoint a line: jq -c . FILE")
CSV: Final = Oddity("CSV", "say what its columns mean: --source csv, or a source of your own (see `etapa sources`)")

# Letters of any language, in UTF-8 or in an encoding of one byte, and what people put into spreadsheets: `Monto (Bs.)`, `# pedido`.
_NAME: Final = rb'"?[A-Za-z_#\x80-\xff][\w .$%#()/?\x80-\xff-]*"?'
_HEADING: Final = re.compile(_NAME + rb"(?:[,;\t|]" + _NAME + rb")+")
_MARK = b"\xef\xbb\xbf"


def odd_record(value: bytes) -> Oddity | None:
    """What a single value is that is not JSON; none if unknown."""
    if len(value) > 5 and value[0] == 0:
        return _FRAMED
    if value.startswith((b"{'", b"[{'")):
        return _OF_PYTHON
    return next((oddity for beginning, oddity in _BEGINNINGS if value.startswith(beginning)), None)


def odd_file(beginning: bytes) -> Oddity | None:
    """What a file is that is not JSON Lines, by its first bytes (a few thousand are enough); none if it may be JSON Lines."""
    found = odd_record(beginning)
    if found is not None and found is not _OF_PYTHON:
        return found
    lines = [line.strip() for line in beginning.removeprefix(_MARK).splitlines()]
    lines = [line for line in lines if line][:2]
    if not lines:
        return None
    first, second = lines[0], lines[1] if len(lines) > 1 else b""
    if first == b"[" or first.startswith(b"[{"):
        # A single line with a list may stand among good lines; then only that line is refused.
        return None if second.startswith(b"{") and first.endswith(b"]") else LIST
    if first == b"{" and not second.startswith(b"{"):
        return SPREAD
    return CSV if _HEADING.fullmatch(first) and not second.startswith(b"{") else None
