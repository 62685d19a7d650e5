"""Bytes that are not JSON are recognised by their beginning, in a record and in a file."""

import bz2
import gzip
import lzma

import pytest

from etapa.contracts.incoming.odd_bytes import odd_file, odd_record
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import read_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits

LINE = b'{"id":"e","customer_id":"c-1","type":"t","occurred_at":"2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    ("value", "looks_like"),
    [
        # Without the time in it, which would give this case another name in each process.
        (gzip.compress(LINE, mtime=0), "gzip data"),
        (bz2.compress(LINE), "bzip2 data"),
        (lzma.compress(LINE), "xz data"),
        (b"\x28\xb5\x2f\xfd" + LINE, "Zstandard data"),
        (b"\x00\x00\x00\x00\x07" + LINE, "framed for a schema registry"),
        (str({"id": "e"}).encode(), "single quotes"),
        (b"<event id='1'/>", "XML or HTML"),
        (LINE.decode().encode("utf-16"), "UTF-16"),
    ],
)
def test_a_record_that_is_no_json_is_told_what_it_looks_like(value: bytes, looks_like: str) -> None:
    found = read_touchpoint(value, TouchpointLimits(), None)
    assert isinstance(found, Rejected)
    assert found.reason == "not_json"
    assert looks_like in found.detail


@pytest.mark.parametrize(
    ("beginning", "looks_like"),
    [
        (b"id,customer_id,type,occurred_at\n1,c,purchase,2026-01-01T00:00:00Z\n", "CSV"),
        (b'"id";"customer_id";"type"\r\n1;c;purchase\r\n', "CSV"),
        (b"\xef\xbb\xbfid\tcustomer_id\n1\tc\n", "CSV"),
        ("Fecha;Cliente;Acción;Monto (Bs.)\n1;c;compra;2\n".encode(), "CSV"),
        ("Año,N° de pedido,¿Volvió?\n1,2,3\n".encode("latin-1"), "CSV"),
        (b"[\n  {\n", "a JSON list"),
        (b'[{"id": "1"},\n{"id": "2"}]', "a JSON list"),
        (b"[" + LINE + b"]", "a JSON list"),
        (b'{\n  "id": "1",\n', "JSON objects over several lines"),
        (b"PAR1" + bytes(40), "Parquet"),
        (b"Obj\x01" + bytes(40), "an Avro file"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive"),
        (b"\x1e" + LINE, "a JSON text sequence"),
        (b"data: " + LINE, "server-sent events"),
    ],
)
def test_a_file_of_another_format_is_recognised(beginning: bytes, looks_like: str) -> None:
    found = odd_file(beginning)
    assert found is not None
    assert found.looks_like.startswith(looks_like)


@pytest.mark.parametrize(
    "beginning", [b"", b"\n\n", LINE, LINE + b"\n" + LINE, b"hello\n" + LINE, b"a,b\n" + LINE, b"[" + LINE + b"]\n" + LINE, b"null\n"]
)
def test_lines_of_json_are_nothing_odd_even_if_the_first_is_no_good(beginning: bytes) -> None:
    assert odd_file(beginning) is None
    assert odd_record(LINE) is None
