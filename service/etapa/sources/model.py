"""What a source file says. Loading made sure that it makes sense; `mapping` does what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from etapa.journey.language.model import Comparison, Scalar
from etapa.sources.paths import RecordPath

Decode = Literal["auto", "json", "avro", "protobuf", "cloudevents", "csv"]
"""How records are written. `auto`: as JSON, or framed for a schema registry, by the schema that each names.
`cloudevents`: the same, with what headers say of an event put around it."""
Otherwise = Literal["keep", "skip", "dead"]
Conversion = Literal["text", "number", "boolean", "trim", "lower", "upper", "nfc", "sha256"]
Unit = Literal["s", "ms", "us", "ns"]


@dataclass(frozen=True, slots=True)
class At:
    """What lies at a path."""

    path: RecordPath


@dataclass(frozen=True, slots=True)
class Const:
    """Always this."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class FirstThere:
    """The first that is there and not empty text."""

    options: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Hash:
    """A digest of all that lies at the paths: the same record, the same text."""

    paths: tuple[RecordPath, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """What another expression gives, converted, translated, or read as a time."""

    of: "Expression"
    conversions: tuple[Conversion, ...] = ()
    translated: Mapping[str, Scalar] | None = None
    otherwise: Otherwise = "dead"
    """What becomes of a value that `translated` does not have."""
    unit: Unit | None = None
    """The value counts these since 1970."""
    zone: str | None = None
    """The value is text without an offset, of this zone."""
    form: str | None = None
    """How the text is written, as `strptime` has it."""
    when: "When | None" = None
    """Only of records that satisfy it; of others there is nothing."""


Expression = At | Const | FirstThere | Hash | Changed


@dataclass(frozen=True, slots=True)
class When:
    """What must be true of a record: every comparison of the value at its path."""

    text: str
    comparisons: tuple[tuple[RecordPath, Comparison], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Properties or traits: what is spread from maps of the record, and single ones, which win."""

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
    """Two ids of one person: the record's `same_as` is `customer_id`."""

    when: When | None
    customer_id: Expression
    same_as: Expression


@dataclass(frozen=True, slots=True)
class Trial:
    """A record, and what must come of it: touchpoints (the fields that are told), `skipped`, or the reason of a dead letter."""

    given: Any
    expect: "tuple[ExpectedOutcome, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class ExpectedOutcome:
    """Of one record or element: the fields of a touchpoint, or a word for why there is none."""

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
    each: RecordPath | None
    skip: tuple[When, ...]
    touchpoint: TouchpointMapping
    placeholder_ids: tuple[str, ...] | None
    """Customer ids that name nobody; none: those of the installation."""
    link: Link | None
    trials: tuple[Trial, ...]
