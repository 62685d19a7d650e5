"""Reading `phases`, `channels`, `types`, `traits` and `personas`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from etapa.journey.language.design.labels import LABEL, Label
from etapa.journey.language.design.parts import CataloguedType, Channel, ChannelKind, Persona, Phase
from etapa.journey.language.kinds.condition import Condition
from etapa.journey.language.kinds.kind import MAX_TYPE
from etapa.journey.language.kinds.logic import leaves
from etapa.journey.language.kinds.table import ConditionShape
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.reading.findings import Report, listed, shortened
from etapa.journey.language.reading.lists import ListOf
from etapa.journey.language.reading.maps import Field, MapOf, ReadMap, map_schema, read_fields
from etapa.journey.language.reading.names import ID, Known, known_among
from etapa.journey.language.reading.shapes import BAD, Bad, Choice, Flag, Shape, Text, refuse
from etapa.journey.language.reading.yaml_nodes import MapNode, Node, ScalarNode

MAX_PHASES = 20
MAX_CATALOGUED = 500
"""Most channels, or types, in a catalogue."""
MAX_PERSONAS = 20


@dataclass(frozen=True)
class Catalogue(Shape[Mapping[str, ReadMap]]):
    """A map from names used in data to their descriptions, which may be empty."""

    noun: str
    fields: tuple[Field[Any], ...]

    def read(self, node: Node, report: Report) -> Mapping[str, ReadMap] | Bad:
        if not isinstance(node, MapNode):
            return refuse(node, f"a map of {self.noun}s", report)
        if len(node.entries) > MAX_CATALOGUED:
            report.error(node.position, f"expected at most {MAX_CATALOGUED} {self.noun}s, found {len(node.entries)}")
            return BAD
        before = report.errors
        found: dict[str, ReadMap] = {}
        for entry in node.entries:
            if not entry.key or len(entry.key) > MAX_TYPE:
                report.error(entry.key_position, f"a {self.noun} has 1 to {MAX_TYPE} characters, found {len(entry.key)}")
            if isinstance(entry.node, ScalarNode) and entry.node.value is None:
                found[entry.key] = ReadMap(entry.key_position)
                continue
            record = read_fields(entry.node, f"the {self.noun} `{shortened(entry.key)}`", self.fields, report)
            if record is not BAD:
                found[entry.key] = record
        return found if report.errors == before else BAD

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "maxProperties": MAX_CATALOGUED,
            "additionalProperties": {"anyOf": [{"type": "null"}, map_schema(self.fields)]},
        }


class TraitsOnly(Shape[Condition]):
    """A condition on traits only: what is known about a customer, not what the customer did."""

    def read(self, node: Node, report: Report) -> Condition | Bad:
        condition = ConditionShape().read(node, report)
        if condition is BAD:
            return BAD
        others = [leaf for leaf in leaves(condition) if not isinstance(leaf, Trait)]
        if others:
            report.error(
                node.position,
                f"a persona is recognised by traits alone, found `{shortened(others[0].text())}`: only `trait` is allowed here",
            )
            return BAD
        return condition

    def schema(self) -> dict[str, Any]:
        return ConditionShape().schema()


PHASE_ID = Field("id", Text("the name of a phase", longest=64), "The phase's id, as stages name it.", required=True)
PHASES = Field(
    "phases",
    ListOf(MapOf("a phase", (PHASE_ID, LABEL)), "phases", maximum=MAX_PHASES, keeps_good=True),
    "The phases in order, with their names for people. Left out: those that stages name.",
)
_CHANNEL_KINDS: tuple[ChannelKind, ...] = get_args(ChannelKind)
CHANNEL_KIND = Field("kind", Choice(_CHANNEL_KINDS), "Whether customers are met online or in person.")
CHANNELS = Field("channels", Catalogue("channel", (CHANNEL_KIND, LABEL)), "The channels that touchpoints name, with what people call them.")
TYPES = Field(
    "types",
    Catalogue("type", (LABEL,)),
    "All types of touchpoints, with what people call them. With this list, any other type in rules or files is reported.",
)
KNOWN = Field(
    "known",
    Flag(),
    "Whether it identifies a person, as an e-mail address does: no link unites two people who are both known (see `identity`).",
)
TRAITS = Field(
    "traits", Catalogue("trait", (KNOWN, LABEL)), "What is known about customers, with what people call it. Need not name every trait."
)
PERSONA_ID = Field("id", ID, "The persona's id, as reports show it.", required=True)
IS = Field("is", TraitsOnly(), "Which customers it stands for: a condition on traits.", required=True)
ABOUT = Field("about", Label(), "Who they are, in a sentence or two.")
PERSONAS = Field(
    "personas",
    ListOf(MapOf("a persona", (PERSONA_ID, LABEL, IS, ABOUT)), "personas", maximum=MAX_PERSONAS, keeps_good=True),
    "Kinds of customers. Each customer has the first that fits, or none.",
)
FIELDS = (PHASES, CHANNELS, TYPES, TRAITS, PERSONAS)


def phases_known(record: ReadMap, report: Report) -> Known | None:
    """The phases of the file; none if it lists none."""
    records = record.get(PHASES)
    return None if records is None else known_among(records, PHASE_ID, "phase", report)


def check(record: ReadMap, report: Report) -> None:
    """Report errors between phases and personas, beyond those of each one."""
    records: tuple[ReadMap, ...] = record.get(PERSONAS) or ()
    known_among(records, PERSONA_ID, "persona", report)


def phases(record: ReadMap) -> tuple[Phase, ...]:
    return tuple(Phase(each.need(PHASE_ID), each.get(LABEL) or {}) for each in record.get(PHASES) or ())


def channels(record: ReadMap) -> tuple[Channel, ...]:
    found = record.get(CHANNELS) or {}
    return tuple(Channel(name, each.get(CHANNEL_KIND), each.get(LABEL) or {}) for name, each in found.items())


def types(record: ReadMap) -> tuple[CataloguedType, ...]:
    found = record.get(TYPES) or {}
    return tuple(CataloguedType(name, each.get(LABEL) or {}) for name, each in found.items())


def personas(record: ReadMap) -> tuple[Persona, ...]:
    return tuple(
        Persona(each.need(PERSONA_ID), each.get(LABEL) or {}, each.need(IS), each.get(ABOUT) or {}) for each in record.get(PERSONAS) or ()
    )


def missing_from(catalogue: Mapping[str, Any] | None, noun: str, name: str) -> str | None:
    """The message for a name that a catalogue does not hold; none if it does, or if there is no catalogue."""
    if catalogue is None or name in catalogue:
        return None
    return f"`{shortened(name)}` is not among the {noun}s of this file ({listed(list(catalogue)[:8])}{', …' if len(catalogue) > 8 else ''})"
