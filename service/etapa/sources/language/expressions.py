"""Reading where a field comes from: a path, or `{first: …}`, `{hash: …}`, `{const: …}` or `{of: …}` with changes to the value."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from etapa.journey.language.model import Comparison, Scalar
from etapa.journey.language.reading.comparisons import comparison_schemas, read_compared
from etapa.journey.language.reading.findings import Report, listed, nearest, shortened
from etapa.journey.language.reading.lists import ListOf, OneOrMany
from etapa.journey.language.reading.maps import Field, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.operands import VALUE
from etapa.journey.language.reading.shapes import BAD, Bad, Plain, Shape, Text, refuse
from etapa.journey.language.reading.where import MAX_WHERE
from etapa.journey.language.reading.yaml_nodes import MapNode, Node, ScalarNode
from etapa.sources.language.model import At, Changed, Const, Conversion, Expression, FirstThere, Hash, Otherwise, Unit, When
from etapa.sources.language.paths import PathError, RecordPath, parse_path

MAX_TRANSLATED = 1000

Word = TypeVar("Word", bound=str)


class PathText(Shape[RecordPath]):
    """The place of a value in a record."""

    _NOUN = "a path into the record, such as `properties.total`"

    def read(self, node: Node, report: Report) -> RecordPath | Bad:
        text = Text(self._NOUN).read(node, report)
        if text is BAD:
            return BAD
        try:
            return parse_path(text)
        except PathError as error:
            report.error(node.position, str(error))
            return BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class OneOf(Shape[Word]):
    """One of a few words."""

    words: tuple[Word, ...]

    def read(self, node: Node, report: Report) -> Word | Bad:
        value = node.value if isinstance(node, ScalarNode) else None
        for word in self.words:
            if word == value:
                return word
        advice = nearest(value, self.words) if isinstance(value, str) else ""
        return refuse(node, f"one of {listed(self.words)}", report, advice)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class Translation(Shape[Mapping[str, Scalar]]):
    """A map from values as they are found, written as text, to the values used here."""

    def read(self, node: Node, report: Report) -> Mapping[str, Scalar] | Bad:
        if not isinstance(node, MapNode) or not node.entries:
            return refuse(node, 'a map of values, such as {"Order Completed": purchase}', report)
        if len(node.entries) > MAX_TRANSLATED:
            report.error(node.position, f"expected at most {MAX_TRANSLATED} values, found {len(node.entries)}")
            return BAD
        read = {entry.key: Plain().read(entry.node, report) for entry in node.entries}
        good = {key: value for key, value in read.items() if value is not BAD}
        return good if len(good) == len(read) else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "minProperties": 1, "maxProperties": MAX_TRANSLATED, "additionalProperties": Plain().schema()}


class SourceZone(Shape[str]):
    """The name of a time zone."""

    def read(self, node: Node, report: Report) -> str | Bad:
        name = Text("the name of a time zone, such as America/La_Paz", longest=64).read(node, report)
        if name is BAD:
            return BAD
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            report.error(node.position, f"there is no time zone `{shortened(name)}`; write a name such as America/La_Paz or UTC")
            return BAD
        return name

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 64}


class Form(Shape[str]):
    """The format of a time, in the notation of `strptime`."""

    def read(self, node: Node, report: Report) -> str | Bad:
        form = Text('how the time is written, such as "%d/%m/%Y %H:%M"', longest=100).read(node, report)
        if form is BAD:
            return BAD
        try:
            moment = dt.datetime(2026, 11, 21, 10, 30, tzinfo=dt.UTC)
            dt.datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 (only the format is checked)
        except (ValueError, IndexError) as error:
            report.error(node.position, f"`{shortened(form)}` is not a form for times: {error}")
            return BAD
        if not {"%d", "%j", "%c", "%x", "%s"} & {form[at : at + 2] for at in range(len(form))}:
            report.error(node.position, f"`{shortened(form)}` has no day (`%d`); a time needs year, month and day")
            return BAD
        return form

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 100}


class WhenShape(Shape[When]):
    """A condition on a record: paths, each with a value or comparisons; `where` may hold more of them."""

    def read(self, node: Node, report: Report) -> When | Bad:
        if not isinstance(node, MapNode) or not node.entries:
            return refuse(node, "a map of paths, such as {type: page}", report)
        comparisons: list[tuple[RecordPath, Comparison]] = []
        before = report.errors
        self._read_entries(node, comparisons, report)
        if len(comparisons) > MAX_WHERE:
            report.error(node.position, f"expected at most {MAX_WHERE} paths, found {len(comparisons)}")
        if report.errors != before:
            return BAD
        return When(", ".join(path.text for path, _ in comparisons), tuple(comparisons))

    def _read_entries(self, node: MapNode, comparisons: list[tuple[RecordPath, Comparison]], report: Report) -> None:
        for entry in node.entries:
            if entry.key == "where" and isinstance(entry.node, MapNode):
                self._read_entries(entry.node, comparisons, report)
                continue
            comparison = read_compared(entry.node, VALUE, report)
            try:
                path = parse_path(entry.key)
            except PathError as error:
                report.error(entry.key_position, str(error))
                continue
            if comparison is not BAD:
                comparisons.append((path, comparison))

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/when"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        operators = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": comparison_schemas(VALUE)}
        return {
            "type": "object",
            "minProperties": 1,
            "properties": {"where": {"type": "object"}},
            "additionalProperties": {"anyOf": [Plain(null=True).schema(), operators]},
        }


class ExpressionShape(Shape[Expression]):
    """The origin of a value."""

    def read(self, node: Node, report: Report) -> Expression | Bad:
        if isinstance(node, ScalarNode):
            path = PathText().read(node, report)
            return path if path is BAD else At(path)
        if not isinstance(node, MapNode):
            return refuse(node, "a path, or a map with one of `of`, `first`, `hash` and `const`", report)
        named = [name for name in _BASES if any(entry.key == name for entry in node.entries)]
        if len(named) != 1:
            what = "found " + (listed(named) if named else "none of them")
            report.error(node.position, f"expected exactly one of {listed(_BASES)}, {what}")
            return BAD
        record = read_fields(node, "a field's origin", FIELDS, report)
        if record is BAD or not record.sound:
            return BAD
        base = _base(record)
        changed = [each for each in CHANGES if record.get(each) is not None]
        if not changed:
            return base
        if isinstance(base, Const) and changed != [WHEN]:
            report.error(node.position, "a constant is used as it is, so only `when` may stand beside it")
            return BAD
        return self._changed(base, record, report)

    def _changed(self, base: Expression, record: ReadMap, report: Report) -> Expression | Bad:
        if record.get(ELSE) is not None and record.get(TRANSLATED) is None:
            report.error(record.place(ELSE), "`else` says what to do with values that are not in `map`, but there is no `map`")
            return BAD
        if record.get(UNIT) is not None and (record.get(FORM) is not None or record.get(ZONE) is not None):
            report.error(record.place(UNIT), "`unit` is for numbers, `zone` and `form` are for text; write one of them")
            return BAD
        return Changed(
            of=base,
            conversions=record.get(CONVERSIONS) or (),
            translated=record.get(TRANSLATED),
            otherwise=record.get(ELSE) or "dead",
            unit=record.get(UNIT),
            zone=record.get(ZONE),
            form=record.get(FORM),
            when=record.get(WHEN),
        )

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/origin"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        return {"anyOf": [PathText().schema(), {**map_schema(FIELDS), "oneOf": [{"required": [name]} for name in _BASES]}]}


_CONVERSIONS: tuple[Conversion, ...] = get_args(Conversion)
_UNITS: tuple[Unit, ...] = get_args(Unit)
_OTHERWISE: tuple[Otherwise, ...] = get_args(Otherwise)

OF = Field("of", ExpressionShape(), "The value at this path, or what another origin gives.")
FIRST = Field("first", ListOf(ExpressionShape(), "origins", maximum=50), "The first of these that is present and not empty text.")
HASH = Field("hash", ListOf(PathText(), "paths", maximum=50), "A digest of all values at these paths: the same values give the same text.")
CONST = Field("const", Plain(), "Always this value.")
CONVERSIONS = Field(
    "as",
    OneOrMany(OneOf(_CONVERSIONS), "conversions"),
    "What the value is converted to, in this order: text, number or boolean; trimmed, in lower or upper case, in Unicode's"
    " NFC; its SHA-256.",
)
TRANSLATED = Field("map", Translation(), "New values for the ones found. Numbers and booleans are looked up as JSON writes them.")
ELSE = Field(
    "else", OneOf(_OTHERWISE), "A value that `map` does not have: keep it, skip the record, or make it a dead letter.", default="dead"
)
UNIT = Field("unit", OneOf(_UNITS), "The value is a number of these units since 1970-01-01T00:00:00Z.")
ZONE = Field("zone", SourceZone(), "The value is a local time of this zone, without an offset.")
FORM = Field("form", Form(), "How the time is written, in the notation of strptime. Left out: ISO 8601.")
WHEN = Field("when", WhenShape(), "Only from records that satisfy this.")
CHANGES: tuple[Field[Any], ...] = (CONVERSIONS, TRANSLATED, ELSE, UNIT, ZONE, FORM, WHEN)
FIELDS: tuple[Field[Any], ...] = (OF, FIRST, HASH, CONST, *CHANGES)
_BASES = (OF.name, FIRST.name, HASH.name, CONST.name)


def _base(record: ReadMap) -> Expression:
    of, options, paths = record.get(OF), record.get(FIRST), record.get(HASH)
    if of is not None:
        return of
    if options is not None:
        return FirstThere(options)
    if paths is not None:
        return Hash(paths)
    return Const(record.get(CONST))
