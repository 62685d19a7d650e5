"""The contents of a source file. Loading has checked that it makes sense; `mapping` applies it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from etapa.journey.language.model import Comparison, Scalar
from etapa.sources.language.paths import RecordPath

Decode = Literal["auto", "json", "avro", "protobuf", "cloudevents", "csv"]
"""How records are encoded. `auto`: as JSON, or framed for a schema registry with the schema that each record names.
`cloudevents`: the same, wrapped in the event attributes from the headers."""
Otherwise = Literal["keep", "skip", "dead"]
Conversion = Literal["text", "number", "boolean", "trim", "lower", "upper", "nfc", "sha256", "decimal_comma"]
Unit = Literal["s", "ms", "us", "ns"]


@dataclass(frozen=True, slots=True)
class At:
    """The value at a path."""

    path: RecordPath


@dataclass(frozen=True, slots=True)
class Const:
    """Always this."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class FirstThere:
    """The first value that is present and not empty text."""

    options: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Hash:
    """A digest of all values at the paths: equal values give the same text."""

    paths: tuple[RecordPath, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The value of another expression, converted, translated, or read as a time."""

    of: "Expression"
    conversions: tuple[Conversion, ...] = ()
    translated: Mapping[str, Scalar] | None = None
    otherwise: Otherwise = "dead"
    """What happens to a value that is not in `translated`."""
    unit: Unit | None = None
    """The value is a number of these units since 1970."""
    zone: str | None = None
    """The value is a local time of this zone, without an offset."""
    form: str | None = None
    """The format of the text, in the notation of `strptime`."""
    when: "When | None" = None
    """Only records that satisfy this have the value."""


Expression = At | Const | FirstThere | Hash | Changed


@dataclass(frozen=True, slots=True)
class When:
    """A condition on a record: every comparison must hold for the value at its path."""

    text: str
    comparisons: tuple[tuple[RecordPath, Comparison], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Properties or traits: those spread from maps in the record, and single ones, which take precedence."""

    spread: tuple[Expression, ...] = ()
    single: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TouchpointMapping:
    """Where the fields of a touchpoint come from."""

    id: Expression
    customer_id: Expression
    type: Expression
    occurred_at: Expression
    channel: Expression | None = None
    properties: Fields = Fields()
    traits: Fields = Fields()


@dataclass(frozen=True, slots=True)
class Link:
    """Two ids of the same person: the record's `same_as` and `customer_id`."""

    when: When | None
    customer_id: Expression
    same_as: Expression


@dataclass(frozen=True, slots=True)
class Trial:
    """A record and its expected outcomes: touchpoints (the fields that are given), `skipped`, or the reason of a dead letter."""

    given: Any
    """A record as from JSON, or the bytes of one."""
    expect: "tuple[ExpectedOutcome, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class ExpectedOutcome:
    """The outcome of one record or element: the fields of a touchpoint, or a word for why there is none."""

    fields: Mapping[str, Any] | None = None
    skipped: bool = False
    dead: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A whole source file."""

    name: str
    about: str
    topic: str | None
    decode: Decode
    registry: str | None
    """The URL of the schema registry, unless the settings name another."""
    each: RecordPath | None
    skip: tuple[When, ...]
    touchpoint: TouchpointMapping
    placeholder_ids: tuple[str, ...] | None
    """Placeholder customer ids; None: those of the installation."""
    link: Link | None
    trials: tuple[Trial, ...]
