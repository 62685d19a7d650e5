"""Shapes for the places in a delivery file where somebody may write a secret by mistake. Their messages never repeat what was found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from etapa.deliver.delivery_file.plan import HeaderValue, SecretSource
from etapa.journey.duration import format_duration
from etapa.journey.language.reading.findings import Position, Report, shortened
from etapa.journey.language.reading.maps import Field, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Name, Shape, Span, Text
from etapa.journey.language.reading.yaml_nodes import InvalidNode, MapNode, Node, ScalarNode

MAX_HEADERS = 50
LONGEST_HEADER = 4_096

_HEADER_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_OURS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "idempotency-key")
)
"""Headers that Etapa sets itself, or that belong to the connection."""
_SECRET_WORDS = ("authorization", "cookie", "token", "secret", "password", "key", "credential")


class QuietText(Text):
    """Text that error messages do not repeat."""

    def read(self, node: Node, report: Report) -> str | Bad:
        """The text, or a refusal that says only what would be right."""
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, str) or not 0 < len(value) <= self.longest or not re.fullmatch(self.pattern or ".*", value):
            return _refuse(node, self.noun, report)
        return value


ENV = Field(
    "env", QuietText("the name of an environment variable", "^[A-Za-z_][A-Za-z0-9_]*$", 256), "The environment variable that holds it."
)
FILE = Field(
    "file", QuietText("the path of a file", longest=4_096), "The file that holds it; a path relative to the delivery file's folder."
)


class SourceShape(Shape[SecretSource]):
    """`{env: NAME}` or `{file: PATH}`. Anything else there may be the secret itself, so it is not repeated."""

    noun = "{env: NAME} or {file: PATH}, so that no secret is in this file"

    def read(self, node: Node, report: Report) -> SecretSource | Bad:
        if not isinstance(node, MapNode):
            return _refuse(node, self.noun, report)
        record = read_fields(node, "a secret", (ENV, FILE), report)
        if record is BAD or not record.sound:
            return BAD
        if len(record.positions) != 1:
            return _refuse(node, self.noun, report)
        env = record.get(ENV)
        return SecretSource("env", env) if env is not None else SecretSource("file", record.need(FILE))

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{**map_schema((each,)), "required": [each.name]} for each in (ENV, FILE)]}


class HeadersShape(Shape[Mapping[str, HeaderValue]]):
    """A map from header names to text, or to where a secret is kept."""

    def read(self, node: Node, report: Report) -> Mapping[str, HeaderValue] | Bad:
        if not isinstance(node, MapNode):
            return _refuse(node, "a map of header names to values", report)
        before = report.errors
        headers: dict[str, HeaderValue] = {}
        seen: set[str] = set()
        for entry in node.entries:
            name = entry.key.lower()
            _check_header_name(entry.key, entry.key_position, report)
            if name in seen:
                report.error(entry.key_position, f"header `{shortened(entry.key)}` is there twice; upper and lower case are the same")
            seen.add(name)
            value = _header_value(name, entry.node, report)
            if value is not BAD:
                headers[entry.key] = value
        if len(node.entries) > MAX_HEADERS:
            report.error(node.position, f"expected at most {MAX_HEADERS} headers, found {len(node.entries)}")
        return headers if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "maxLength": LONGEST_HEADER, "pattern": "^[\\x20-\\x7e]*$"}
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{_HEADER_NAME.pattern}$"},
            "additionalProperties": {"anyOf": [text, SourceShape().schema()]},
            "maxProperties": MAX_HEADERS,
        }


def _check_header_name(name: str, position: Position, report: Report) -> None:
    if not _HEADER_NAME.fullmatch(name):
        report.error(position, "this is not the name of a header")
    elif name.lower() in _OURS or name.lower().startswith("webhook-"):
        report.error(position, f"header `{name}` is set by Etapa")


def _header_value(name: str, node: Node, report: Report) -> HeaderValue | Bad:
    if isinstance(node, MapNode) or any(word in name for word in _SECRET_WORDS):
        return SourceShape().read(node, report)
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str) or len(value) > LONGEST_HEADER or not re.fullmatch(r"[\x20-\x7e]*", value):
        return _refuse(node, f"text of at most {LONGEST_HEADER} ASCII characters (numbers in quotes), or {SourceShape.noun}", report)
    return value


class UrlShape(Shape[Name]):
    """An https URL, or an http URL whose host the file allows. It may hold a token, so messages do not repeat it."""

    def read(self, node: Node, report: Report) -> Name | Bad:
        noun = "a URL such as https://crm.example.com/hooks/etapa"
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, str) or len(value) > 2_000 or not re.fullmatch(r"[\x21-\x7e]+", value):
            return _refuse(node, noun, report)
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return _refuse(node, noun, report)
        if parts.scheme not in ("https", "http") or not host or parts.fragment:
            return _refuse(node, noun, report)
        if parts.username is not None or parts.password is not None:
            report.error(
                node.position,
                "a login in a URL would be a secret in this file: send it as the header Authorization, {env: NAME} or {file: PATH}",
            )
            return BAD
        return Name(value, node.position)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^https?://[^/@#\\s]+(/[^#\\s]*)?$", "maxLength": 2_000}


def _refuse(node: Node, expected: str, report: Report) -> Bad:
    if not isinstance(node, InvalidNode):
        report.error(node.position, f"expected {expected}")
    return BAD


@dataclass(frozen=True)
class Bounded(Shape[int]):
    """A duration within limits, in microseconds."""

    least: int
    most: int

    def read(self, node: Node, report: Report) -> int | Bad:
        value = Span(zero_allowed=True).read(node, report)
        if value is not BAD and not self.least <= value <= self.most:
            report.error(node.position, f"expected a duration from {shown(self.least)} to {shown(self.most)}, found {shown(value)}")
            return BAD
        return value

    def schema(self) -> dict[str, Any]:
        return Span().schema()


def shown(duration: int) -> str:
    """A duration as written in a file."""
    return format_duration(duration) if duration else "0s"
