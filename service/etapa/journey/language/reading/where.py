"""Reading `where`: paths into a touchpoint, and comparisons of the values there."""

from dataclasses import dataclass
from typing import Any, ClassVar

from etapa.journey.language.matching.matches import ELEMENTS, Comparison, Path, Where
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.reading.comparisons import MAX_PATH_KEYS, MAX_PATHS, comparison_schemas, read_compared
from etapa.journey.language.reading.findings import Position, Report, nearest, shortened
from etapa.journey.language.reading.operands import CHANNEL, TYPE, VALUE, Kind
from etapa.journey.language.reading.shapes import BAD, Bad, Plain, Shape, Text, refuse
from etapa.journey.language.reading.yaml_nodes import MapNode, Node

MAX_WHERE = MAX_PATHS


@dataclass(frozen=True)
class PathShape(Shape[Path]):
    """Where a value lies in a touchpoint; with `elements`, the path may lead to all elements of a list."""

    elements: bool = False

    _EXPECTED: ClassVar[str] = "`channel`, `type`, `properties.KEY[.KEY…]` or `traits.KEY`"

    def read(self, node: Node, report: Report) -> Path | Bad:
        text = Text(f"a path ({self._EXPECTED})").read(node, report)
        return text if text is BAD else read_path(text, node.position, report, elements=self.elements)

    def schema(self) -> dict[str, Any]:
        if self.elements:
            return {"type": "string", "pattern": r"^(channel|type|properties(\.[^.]+)+|traits\.[^.]+(\[\](\.[^.]+)*)?)$"}
        return {"type": "string", "pattern": r"^(channel|type|properties(\.[^.]+)+|traits\.[^.]+)$"}


def read_path(text: str, position: Position, report: Report, *, elements: bool = False) -> Path | Bad:
    head, *keys = text.split(".")
    if ELEMENTS in text:
        found = _split_at_elements(text, keys, position, report) if elements else None
        if found is None:
            _refuse_elements(text, position, report)
        return found or BAD
    heads = ("channel", "type", "properties", "traits")
    if head not in heads:
        advice = nearest(head, heads) or f"; write `properties.{shortened(text)}` if it is a property"
        report.error(position, f"`{shortened(text)}` is not a path{advice} (a path is {PathShape._EXPECTED})")
        return BAD
    if len(keys) > MAX_PATH_KEYS:
        report.error(position, f"a path has at most {MAX_PATH_KEYS} keys, found {len(keys)}")
        return BAD
    keys_allowed = {"channel": len(keys) == 0, "type": len(keys) == 0, "traits": len(keys) == 1, "properties": len(keys) >= 1}
    if not keys_allowed[head] or not all(keys):
        report.error(position, f"`{shortened(text)}` is not a path; a path is {PathShape._EXPECTED}")
        return BAD
    return (head, *keys)


def _split_at_elements(text: str, keys: list[str], position: Position, report: Report) -> Path | Bad | None:
    """The path, with `[]` after the key of a list; none if `[]` is in a wrong place."""
    head = text.partition(".")[0]
    marked = [place for place, key in enumerate(keys) if ELEMENTS in key]
    if head not in ("properties", "traits") or len(marked) != 1 or text.count(ELEMENTS) != 1:
        return None
    (place,) = marked
    name = keys[place].removesuffix(ELEMENTS)
    if not name or name + ELEMENTS != keys[place] or not all(keys) or len(keys) > MAX_PATH_KEYS or (head == "traits" and place != 0):
        return None
    return (head, *keys[:place], name, ELEMENTS, *keys[place + 1 :])


def _refuse_elements(text: str, position: Position, report: Report) -> None:
    report.error(
        position,
        f"`{shortened(text)}` is not a path here: `[]` stands once, behind the key of a list, as in `properties.items[].price`, in `sum`, `avg`,"
        " `min`, `max` and `distinct`; elsewhere ask for elements with `any`, `all` or `none`",
    )


def kind_of_path(path: Path) -> Kind:
    """The kind of values that a `where` can find at `path`."""
    return {"channel": CHANNEL, "type": TYPE}.get(path[0], VALUE)


class WhereShape(Shape[Where]):
    """A map of paths to a value, or to a map of comparisons."""

    def read(self, node: Node, report: Report) -> Where | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, "a map of paths, such as {channel: web}", report)
        if not node.entries:
            return refuse(node, "at least one path (leave `where` out to match every touchpoint)", report)
        if len(node.entries) > MAX_WHERE:
            report.error(node.position, f"`where` has at most {MAX_WHERE} paths, found {len(node.entries)}")
            return BAD
        entries: list[tuple[Path, Comparison]] = []
        for entry in node.entries:
            path = read_path(entry.key, entry.key_position, report)
            comparison = read_compared(entry.node, VALUE if path is BAD else kind_of_path(path), report)
            if path is not BAD and comparison is not BAD:
                entries.append((path, comparison))
        # In a fixed order, so that equal filters are recognised as equal.
        return Where(tuple(sorted(entries, key=lambda entry: entry[0]))) if len(entries) == len(node.entries) else BAD

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/where"}

    def definition(self) -> dict[str, Any]:
        """What the schema's reference stands for."""
        operators = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": comparison_schemas(VALUE)}
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_WHERE,
            "propertyNames": PathShape().schema(),
            "additionalProperties": {"anyOf": [Plain(null=True).schema(), operators]},
        }


def types_that_fit(types: tuple[str, ...], where: Where) -> bool:
    """Whether any of `types` can satisfy what `where` says about `type`."""
    asked = [compile_comparison(comparison) for path, comparison in where.entries if path == ("type",)]
    return any(all(predicate.accepts(each) for predicate in asked) for each in types)
