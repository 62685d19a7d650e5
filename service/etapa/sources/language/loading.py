"""Reading a source file: from text to a `Source`, or to everything that is wrong with it."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from etapa.contracts.incoming.rejected import REASONS
from etapa.journey.language.reading.findings import Finding, Report, listed, nearest, shortened
from etapa.journey.language.reading.lists import ListOf, OneOrMany
from etapa.journey.language.reading.maps import Field, JsonMap, MapOf, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, Text, refuse
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node, ScalarNode, parse, plain_value
from etapa.sources.language.expressions import ExpressionShape, OneOf, PathText, WhenShape
from etapa.sources.language.model import (
    Decode,
    ExpectedOutcome,
    Expression,
    Fields,
    Link,
    Source,
    TouchpointMapping,
    Trial,
)

MAX_FIELDS = 500
MAX_TRIALS = 1000
MAX_GIVEN = 100_000
HOLDS_A_LOGIN = "the URL of a registry holds no login; ETAPA_REGISTRY_USER and ETAPA_REGISTRY_PASSWORD are for that"
_SPREAD = "*"


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """The result of reading a file. The source is None when any finding is an error."""

    source: Source | None
    findings: tuple[Finding, ...]


class FieldsShape(Shape[Fields]):
    """Properties or traits: names with their origins; `"*"` takes everything from a map."""

    def read(self, node: Node, report: Report) -> Fields | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, 'a map of names, such as {amount: total, "*": properties}', report)
        if len(node.entries) > MAX_FIELDS:
            report.error(node.position, f"expected at most {MAX_FIELDS} names, found {len(node.entries)}")
            return BAD
        before = report.errors
        single: dict[str, Expression] = {}
        spread: tuple[Expression, ...] = ()
        for entry in node.entries:
            if entry.key == _SPREAD:
                read = OneOrMany(ExpressionShape(), "origins").read(entry.node, report)
                spread = () if read is BAD else read
            else:
                one = ExpressionShape().read(entry.node, report)
                if one is not BAD:
                    single[entry.key] = one
        return Fields(spread, single) if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": OneOrMany(ExpressionShape(), "origins").schema()}


class ExpectShape(Shape[tuple[ExpectedOutcome, ...]]):
    """The expected outcome of a record: fields of a touchpoint, `skipped`, `{dead: REASON}`, or a list of these."""

    _NOUN = "the fields of a touchpoint, `skipped`, or {dead: REASON}"
    _FIELDS = ("id", "customer_id", "type", "occurred_at", "channel", "properties", "traits", "same_as")

    def read(self, node: Node, report: Report) -> tuple[ExpectedOutcome, ...] | Bad:
        nodes = node.items if isinstance(node, ListNode) else (node,)
        read = [self._one(each, report) for each in nodes]
        good = tuple(each for each in read if each is not BAD)
        return good if len(good) == len(read) else BAD

    def _one(self, node: Node, report: Report) -> ExpectedOutcome | Bad:
        if isinstance(node, ScalarNode) and node.value == "skipped":
            return ExpectedOutcome(skipped=True)
        if not isinstance(node, MapNode) or not node.entries:
            return refuse(node, self._NOUN, report)
        if node.entries[0].key == "dead":
            reason = OneOf(REASONS).read(node.entries[0].node, report)
            return reason if reason is BAD else ExpectedOutcome(dead=reason)
        before = report.errors
        for entry in node.entries:
            if entry.key not in self._FIELDS:
                advice = nearest(entry.key, self._FIELDS) or ";"
                report.error(
                    entry.key_position, f"a touchpoint has no field `{shortened(entry.key)}`{advice} allowed: {listed(self._FIELDS)}"
                )
        fields: Mapping[str, Any] = plain_value(node)
        return ExpectedOutcome(fields=fields) if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        touchpoint = {"type": "object", "additionalProperties": False, "properties": {name: {} for name in self._FIELDS}}
        dead = {"type": "object", "additionalProperties": False, "required": ["dead"], "properties": {"dead": {"enum": list(REASONS)}}}
        one = {"anyOf": [{"const": "skipped"}, dead, touchpoint]}
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}


class GivenShape(Shape[Any]):
    """A record: a map as from JSON, or text with the bytes of its value in base64."""

    _NOUN = "a record as a map, or the bytes of its value in base64"

    def read(self, node: Node, report: Report) -> Any | Bad:
        if not isinstance(node, ScalarNode):
            return JsonMap().read(node, report)
        text = Text(self._NOUN, longest=MAX_GIVEN).read(node, report)
        if text is BAD:
            return BAD
        try:
            return b64decode(text, validate=True)
        except ValueError:
            return refuse(node, self._NOUN, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [JsonMap().schema(), {**Text(longest=MAX_GIVEN).schema(), "contentEncoding": "base64"}]}


class RegistryUrl(Shape[str]):
    """The URL of a schema registry. It never shows a login that somebody wrote into it."""

    _NOUN = "a URL of http or https, or several separated by commas"
    _PATTERN = r"https?://[^\s@?#,/]+[^\s@?#]*"

    def read(self, node: Node, report: Report) -> str | Bad:
        if isinstance(node, ScalarNode) and isinstance(node.value, str) and "@" in node.value:
            report.error(node.position, HOLDS_A_LOGIN)
            return BAD
        return Text(self._NOUN, self._PATTERN).read(node, report)

    def schema(self) -> dict[str, Any]:
        return Text(self._NOUN, f"^{self._PATTERN}$").schema()


_KEBAB = Text(
    "an id in kebab-case (letters a to z without accents, digits, hyphens), such as ga4 or web-shop", "^[a-z0-9]+(-[a-z0-9]+)*$", 64
)

_DECODE: tuple[Decode, ...] = get_args(Decode)

NAME = Field("source", _KEBAB, "The source's id, in kebab-case, as metrics show it.", required=True)
ABOUT = Field("about", Text("a sentence about the source", longest=1000), "What it takes, for people.")
TOPIC = Field("topic", Text("the name of a topic", "^[A-Za-z0-9._-]+$", 249), "The topic its records come from. Left out: `touchpoints`.")
DECODE = Field("decode", OneOf(_DECODE), "How records are written. Left out: as JSON, or framed for a schema registry.", default="auto")
REGISTRY_URL = Field(
    "url",
    RegistryUrl(),
    "Where it is. ETAPA_REGISTRY_URL takes precedence; a login and certificates are always settings.",
    required=True,
)
REGISTRY = Field("registry", MapOf("a schema registry", (REGISTRY_URL,)), "The schema registry whose schemas its records name.")
EACH = Field("each", PathText(), "A list in the record: each element is a touchpoint of its own.")
SKIP = Field(
    "skip",
    ListOf(WhenShape(), "rules", minimum=0, maximum=100),
    "Records that are not wanted. They are counted, and do not become dead letters.",
)
PLACEHOLDERS = Field(
    "placeholder_ids",
    ListOf(Text("an id", longest=256), "ids", minimum=0, maximum=1000),
    "Customer ids that name nobody, whatever their case. Left out: those of ETAPA_PLACEHOLDER_IDS.",
)

ID = Field("id", ExpressionShape(), "The event's own id, by which a repeat is recognised.", required=True)
CUSTOMER_ID = Field("customer_id", ExpressionShape(), "The customer.", required=True)
TYPE = Field("type", ExpressionShape(), "What happened.", required=True)
OCCURRED_AT = Field(
    "occurred_at", ExpressionShape(), "When it happened. Text with an offset, unless `unit` or `zone` say more.", required=True
)
CHANNEL = Field("channel", ExpressionShape(), "Where it happened.")
PROPERTIES = Field("properties", FieldsShape(), "What else is known about what happened.")
TRAITS = Field("traits", FieldsShape(), "What is known about the customer.")
TOUCHPOINT_FIELDS = (ID, CUSTOMER_ID, TYPE, OCCURRED_AT, CHANNEL, PROPERTIES, TRAITS)
TOUCHPOINT = Field("touchpoint", MapOf("a touchpoint", TOUCHPOINT_FIELDS), "Where the touchpoint's fields come from.", required=True)

LINK_WHEN = Field("when", WhenShape(), "Only from records that satisfy this.")
SAME_AS = Field("same_as", ExpressionShape(), "The id that the customer is known by from now on.", required=True)
LINKED = Field("customer_id", ExpressionShape(), "The id that was used before.", required=True)
LINK = Field(
    "link",
    MapOf("a link", (LINK_WHEN, SAME_AS, LINKED)),
    "Two ids of one person: a record that holds both makes a `$link`, beside its touchpoint if it makes one.",
)

GIVEN = Field("given", GivenShape(), "A record, as it arrives: as a map, or the bytes of its value in base64.", required=True)
EXPECT = Field("expect", ExpectShape(), "What it must become.", required=True)
TRIAL = MapOf("a test", (GIVEN, EXPECT))
TRIALS = Field(
    "tests", ListOf(TRIAL, "tests", minimum=0, maximum=MAX_TRIALS, keeps_good=True), "Tests of this file, run by `etapa sources test`."
)

SOURCE_FIELDS: tuple[Field[Any], ...] = (NAME, ABOUT, TOPIC, DECODE, REGISTRY, EACH, SKIP, PLACEHOLDERS, TOUCHPOINT, LINK, TRIALS)


def load_source(text: str, file: str) -> LoadedSource:
    """Read a source from `text`; `file` is its name in findings. Never raises, whatever the text says."""
    report = Report(file, text)
    source = None
    node = parse(text, report)
    if node is not None:
        source = _source(node, report)
    findings = report.findings()
    secret = {finding.line for finding in findings if finding.message == HOLDS_A_LOGIN}
    # Findings quote their line, and these lines hold a login.
    findings = tuple(replace(finding, source_line="") if finding.line in secret else finding for finding in findings)
    return LoadedSource(None if report.has_errors else source, findings)


def _source(node: Node, report: Report) -> Source | None:
    record = read_fields(node, "a source", SOURCE_FIELDS, report)
    if record is BAD:
        return None
    touchpoint = record.get(TOUCHPOINT)
    link = record.get(LINK)
    if touchpoint is None or report.has_errors:
        return None
    registry, decode = record.get(REGISTRY), record.get(DECODE) or "auto"
    if registry is not None and decode in ("json", "csv"):
        report.error(record.place(REGISTRY), f"`decode: {decode}` reads nothing through a schema registry; leave out one of them")
        return None
    return Source(
        name=record.need(NAME),
        about=record.get(ABOUT) or "",
        topic=record.get(TOPIC),
        decode=decode,
        registry=None if registry is None else registry.need(REGISTRY_URL),
        each=record.get(EACH),
        skip=record.get(SKIP) or (),
        touchpoint=_touchpoint(touchpoint),
        placeholder_ids=record.get(PLACEHOLDERS),
        link=None if link is None else Link(link.get(LINK_WHEN), link.need(LINKED), link.need(SAME_AS)),
        trials=tuple(_trial(each) for each in record.get(TRIALS) or ()),
    )


def _touchpoint(record: ReadMap) -> TouchpointMapping:
    return TouchpointMapping(
        id=record.need(ID),
        customer_id=record.need(CUSTOMER_ID),
        type=record.need(TYPE),
        occurred_at=record.need(OCCURRED_AT),
        channel=record.get(CHANNEL),
        properties=record.get(PROPERTIES) or Fields(),
        traits=record.get(TRAITS) or Fields(),
    )


def _trial(record: ReadMap) -> Trial:
    return Trial(record.need(GIVEN), record.need(EXPECT), record.position.line)


def source_schema() -> dict[str, Any]:
    """The JSON Schema of source files, made from the loader's own tables."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:etapa:source",
        "title": "Source",
        "description": "A source file of Etapa: how records of another system become touchpoints.",
        **map_schema(SOURCE_FIELDS),
        "$defs": {"origin": ExpressionShape().definition(), "when": WhenShape().definition()},
    }
