"""What a journey asks of touchpoints that no source makes: types and fields that its conditions wait for in vain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from etapa.journey.language.misspelt_types import types_in_conditions
from etapa.journey.language.reading.findings import Position, Report, listed, listed_shortly, nearest, shortened
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node, ScalarNode
from etapa.sources.language.model import Changed, Const, Expression, Fields, FirstThere, Source

CONDITIONS: Final = ("personas", "rules", "consent", "caps", "campaigns", "zone", "feeling")
"""The parts of a journey file that hold conditions."""

_NO_PATHS: Final = frozenset(
    {"payload", "label", "about", "note", "eq", "ne", "in", "not_in", "contains", "starts_with", "ends_with", "matches"}
)
"""Keys with texts that are no paths, though they may look like one."""

_Kind = Literal["property", "trait"]


@dataclass(frozen=True, slots=True)
class Given:
    """What touchpoints of a source may hold; None where that is known only from its records."""

    types: frozenset[str] | None
    properties: frozenset[str] | None
    traits: frozenset[str] | None

    @classmethod
    def by(cls, source: Source) -> Self:
        """What touchpoints of this source may hold."""
        touchpoint = source.touchpoint
        return cls(_texts(touchpoint.type), _names(touchpoint.properties), _names(touchpoint.traits))


class JourneyFit:
    """Warns of what a journey file names and none of some sources makes."""

    def __init__(self, sources: Sequence[Source]) -> None:
        all_ = [Given.by(source) for source in sources]
        self._types: Final = _together([each.types for each in all_])
        self._fields: Final[dict[_Kind, frozenset[str] | None]] = {
            "property": _together([each.properties for each in all_]),
            "trait": _together([each.traits for each in all_]),
        }
        names = listed([source.name for source in sources])
        self._who: Final = f"the source {names}" if len(all_) == 1 else f"the sources {names}"

    def __call__(self, root: Node, report: Report) -> None:
        """Report what is named in the conditions of a journey file."""
        for entry in root.entries if isinstance(root, MapNode) else ():
            if entry.key in CONDITIONS:
                for name, position in sorted(
                    {(name, position) for name, position, _ in types_in_conditions(entry.node)}, key=lambda use: use[1]
                ):
                    self._doubt_type(name, position, report)
                for kind, name, position in _fields_in(entry.node):
                    self._doubt_field(kind, name, position, report)

    def _doubt_type(self, name: str, position: Position, report: Report) -> None:
        known = self._types
        if known is not None and name not in known:
            report.warning(position, f"{self._who} makes no touchpoint of the type `{shortened(name)}`{_instead(name, known)}")

    def _doubt_field(self, kind: _Kind, name: str, position: Position, report: Report) -> None:
        known = self._fields[kind]
        if known is not None and name not in known:
            report.warning(position, f"touchpoints of {self._who} have no {kind} `{shortened(name)}`{_instead(name, known)}")


def _texts(expression: Expression) -> frozenset[str] | None:
    """All texts that an expression may give; None if any text may be in the records."""
    match expression:
        case Const(value):
            return frozenset([str(value)])
        case FirstThere(options):
            return _together([_texts(option) for option in options])
        case Changed(of=of, translated=None, conversions=()):
            return _texts(of)
        case Changed(of=of, translated=translated, otherwise=otherwise) if translated is not None:
            others = _texts(of) if otherwise == "keep" else frozenset[str]()
            return None if others is None else others | {str(value) for value in translated.values()}
    return None


def _names(fields: Fields) -> frozenset[str] | None:
    return None if fields.spread else frozenset(fields.single)


def _together(parts: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """All of them; None if one of them is not known."""
    known = [part for part in parts if part is not None]
    return frozenset[str]().union(*known) if len(known) == len(parts) else None


def _instead(name: str, known: frozenset[str]) -> str:
    """What there is, for a message."""
    near = nearest(name, known)
    return near or (f"; there {'is' if len(known) == 1 else 'are'} {listed_shortly(sorted(known))}" if known else "")


def _fields_in(node: Node) -> Iterator[tuple[_Kind, str, Position]]:
    """The properties and traits that conditions name, with their places."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _fields_in(item)
    elif isinstance(node, ScalarNode):
        if isinstance(node.value, str):
            yield from _field_of(node.value, node.position)
    elif isinstance(node, MapNode):
        for entry in node.entries:
            if entry.key == "trait" and isinstance(entry.node, ScalarNode) and isinstance(entry.node.value, str):
                yield "trait", entry.node.value, entry.node.position
            elif entry.key == "where":
                for asked in entry.node.entries if isinstance(entry.node, MapNode) else ():
                    yield from _field_of(asked.key, asked.key_position)
            elif entry.key not in _NO_PATHS:
                yield from _fields_in(entry.node)


def _field_of(path: str, position: Position) -> Iterator[tuple[_Kind, str, Position]]:
    first, dot, rest = path.partition(".")
    name = rest.split(".")[0].removesuffix("[]")
    if dot and name and first == "properties":
        yield "property", name, position
    elif dot and name and first == "traits":
        yield "trait", name, position
