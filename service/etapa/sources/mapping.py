"""A source file, compiled once: what each record becomes. Nothing raises out of here, whatever a record holds."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from etapa.contracts.placeholder_ids import beginnings, placeholders
from etapa.contracts.rejected import Rejected, rejected
from etapa.contracts.touchpoint import read_touchpoint
from etapa.contracts.touchpoint_message import TouchpointLimits
from etapa.errors import EtapaError
from etapa.journey.language.matching.predicates import Predicate, compile_comparison
from etapa.journey.language.model import Scalar
from etapa.journey.language.reading.findings import listed
from etapa.sources.model import At, Changed, Const, Conversion, Expression, Fields, First, Hash, Otherwise, Source, When
from etapa.sources.outcome import Mapped, Outcome, SkippedRecord
from etapa.sources.paths import RecordPath
from etapa.sources.times import NoTime, time_of_number, time_of_text
from etapa.sources.values import Unfit, as_text, converted, digest, noun

MAX_EACH: Final = 10_000
"""Elements of one record; a longer list is a dead letter."""

_encode: Final = msgspec.json.Encoder().encode


class MappingError(EtapaError):
    """A source needs something that was not given, such as a pepper."""


class _Refuse(Exception):
    """The field cannot be made; the message says what was expected and what was found."""


class _Skip(Exception):
    """The record is not wanted; the message says by which rule."""


class Origin:
    """Where a value comes from."""

    def find(self, element: Any, record: Any, number: int) -> Any:
        """The value, or none."""
        raise NotImplementedError

    def places(self) -> str:
        """Where it looks, for people."""
        raise NotImplementedError

    def place_of(self, element: Any, record: Any, number: int) -> str:
        """Where it found the value of this record, or where it looked in vain."""
        return self.places()


class _Path(Origin):
    def __init__(self, path: RecordPath) -> None:
        self._path = path
        # Most paths are one key of the record itself.
        step = path.steps[0] if len(path.steps) == 1 and not path.is_outer else None
        self._key = step.key if step is not None and not step.in_each and step.pick is None else None

    def find(self, element: Any, record: Any, number: int) -> Any:
        if self._key is not None:
            return element.get(self._key) if type(element) is dict else None
        return self._path.find(element, record, number)

    def places(self) -> str:
        return f"`{self._path.text}`"


class _Constant(Origin):
    def __init__(self, value: Scalar) -> None:
        self._value = value

    def find(self, element: Any, record: Any, number: int) -> Any:
        return self._value

    def places(self) -> str:
        return "the source file"


class _First(Origin):
    def __init__(self, options: tuple[Origin, ...]) -> None:
        self._options = options

    def find(self, element: Any, record: Any, number: int) -> Any:
        for option in self._options:
            value = option.find(element, record, number)
            if value is not None and value != "":
                return value
        return None

    def place_of(self, element: Any, record: Any, number: int) -> str:
        for option in self._options:
            if _tried(option, element, record, number) not in (None, ""):
                return option.place_of(element, record, number)
        return self.places()

    def places(self) -> str:
        return " or ".join(option.places() for option in self._options)


class _Hash(Origin):
    def __init__(self, paths: tuple[RecordPath, ...]) -> None:
        self._paths = paths

    def find(self, element: Any, record: Any, number: int) -> Any:
        values = [path.find(element, record, number) for path in self._paths]
        return None if all(value is None for value in values) else digest(values)

    def places(self) -> str:
        return listed(path.text for path in self._paths)


class _Changed(Origin):
    def __init__(self, changed: Changed, of: Origin, pepper: bytes) -> None:
        self._of = of
        self._conversions: tuple[Conversion, ...] = changed.conversions
        self._translated: Mapping[str, Scalar] | None = changed.translated
        self._otherwise: Otherwise = changed.otherwise
        self._unit = changed.unit
        self._zone = changed.zone or ("UTC" if changed.form is not None else None)
        self._form = changed.form
        self._when = None if changed.when is None else Wanted(changed.when)
        self._pepper = pepper

    def find(self, element: Any, record: Any, number: int) -> Any:
        if self._when is not None and not self._when.holds(element, record, number):
            return None
        value = self._of.find(element, record, number)
        if value is None or value == "":
            return None
        try:
            for conversion in self._conversions:
                value = converted(value, conversion, self._pepper)
            if self._unit is not None:
                return time_of_number(value, self._unit)
            if self._zone is not None:
                return time_of_text(value, self._zone, self._form)
        except (Unfit, NoTime) as error:
            raise _Refuse(f"{error} at {self.places()}") from None
        return value if self._translated is None else self._translate(value, self._translated)

    def _translate(self, value: Any, translated: Mapping[str, Scalar]) -> Any:
        try:
            name = as_text(value)
        except Unfit as error:
            raise _Refuse(f"{error} at {self.places()}") from None
        if name in translated:
            return translated[name]
        if self._otherwise == "skip":
            raise _Skip(f"{self.places()} is not in `map`")
        if self._otherwise == "dead":
            raise _Refuse(f"the value at {self.places()} is not in `map`")
        return value

    def place_of(self, element: Any, record: Any, number: int) -> str:
        return self._of.place_of(element, record, number)

    def places(self) -> str:
        return self._of.places()


def _tried(origin: Origin, element: Any, record: Any, number: int) -> Any:
    try:
        return origin.find(element, record, number)
    except (_Refuse, _Skip, Unfit):
        # It is there, and it is why the record is refused or skipped.
        return origin.find


class Wanted:
    """Whether a record satisfies a `when`."""

    def __init__(self, when: When) -> None:
        self._tests: tuple[tuple[RecordPath, Predicate], ...] = tuple(
            (path, compile_comparison(comparison)) for path, comparison in when.comparisons
        )

    def holds(self, element: Any, record: Any, number: int) -> bool:
        """Whether every comparison is true."""
        return all(predicate.accepts(path.find(element, record, number)) for path, predicate in self._tests)


class Mapper:
    """A source, ready to map records. `pepper` is put before what `sha256` digests; needed where the source uses it."""

    def __init__(self, source: Source, pepper: bytes = b"") -> None:
        """Raises `MappingError` when the source needs a pepper and has none."""
        self.source: Final = source
        self._pepper = pepper
        fields = source.touchpoint
        self._id = self._origin(fields.id)
        self._customer_id = self._origin(fields.customer_id)
        self._type = self._origin(fields.type)
        self._occurred_at = self._origin(fields.occurred_at)
        self._channel = None if fields.channel is None else self._origin(fields.channel)
        self._properties = _FieldsMaker(fields.properties, "properties", self._origin)
        self._traits = _FieldsMaker(fields.traits, "traits", self._origin)
        self._skip = tuple((f"skip {number}: {when.text}", Wanted(when)) for number, when in enumerate(source.skip, 1))
        own = source.placeholder_ids
        self._own_placeholders = None if own is None else placeholders(own)

    def outcomes(self, record: Any, limits: TouchpointLimits) -> list[Outcome]:
        """What comes of a record: of itself, or of each element of the list that the source names."""
        if self._own_placeholders is not None:
            limits = msgspec.structs.replace(
                limits, placeholder_ids=self._own_placeholders, placeholder_beginnings=beginnings(self._own_placeholders)
            )
        if type(record) is not dict:
            return [rejected("invalid", f"expected an object, found {noun(record)}")]
        if self.source.each is None:
            return [self._outcome(record, record, 0, limits)]
        elements = self.source.each.find(record, record, 0)
        if type(elements) is not list:
            return [rejected("invalid", f"expected a list at `{self.source.each.text}`, found {noun(elements)}")]
        if not elements:
            return [SkippedRecord(f"`{self.source.each.text}` is empty")]
        if len(elements) > MAX_EACH:
            return [rejected("too_large", f"at most {MAX_EACH} elements at `{self.source.each.text}` are taken, found {len(elements)}")]
        return [self._outcome(element, record, number, limits) for number, element in enumerate(elements)]

    def explain(self, record: Any, number: int) -> list[tuple[str, Any, str]]:
        """Each field of the touchpoint that this record (or this element of it) becomes: its name, its value, and where it was found."""
        element = record
        if self.source.each is not None:
            elements = self.source.each.find(record, record, 0)
            element = elements[number] if type(elements) is list and number < len(elements) else None
        origins: list[tuple[str, Origin]] = [
            ("id", self._id),
            ("customer_id", self._customer_id),
            ("type", self._type),
            ("occurred_at", self._occurred_at),
        ]
        if self._channel is not None:
            origins.append(("channel", self._channel))
        for maker in (self._properties, self._traits):
            origins += maker.origins()
        rows: list[tuple[str, Any, str]] = []
        for name, origin in origins:
            try:
                value = origin.find(element, record, number)
            except (_Refuse, _Skip, Unfit):
                value = None
            rows.append((name, value, origin.place_of(element, record, number)))
        return rows

    def _outcome(self, element: Any, record: Any, number: int, limits: TouchpointLimits) -> Outcome:
        for rule, wanted in self._skip:
            if wanted.holds(element, record, number):
                return SkippedRecord(rule)
        try:
            type_ = self._text("type", self._type, element, record, number)
            fields: dict[str, Any] = {
                "id": self._text("id", self._id, element, record, number),
                "customer_id": self._text("customer_id", self._customer_id, element, record, number),
                "type": type_,
                "occurred_at": self._text("occurred_at", self._occurred_at, element, record, number),
            }
            channel = None if self._channel is None else self._channel.find(element, record, number)
            if channel is not None and channel != "":
                fields["channel"] = as_text(channel)
            for name, maker in (("properties", self._properties), ("traits", self._traits)):
                made = maker.make(element, record, number)
                if made:
                    fields[name] = made
            json = _encode(fields)
        except _Skip as skip:
            return SkippedRecord(str(skip))
        except (_Refuse, Unfit) as refusal:
            return rejected("invalid", str(refusal))
        except (RecursionError, OverflowError, UnicodeEncodeError, TypeError, ValueError):
            return rejected(
                "invalid", "the record holds something that JSON cannot: a number too large, half a character, or too deep a nest"
            )
        touchpoint = read_touchpoint(json, limits, None)
        if not isinstance(touchpoint, Rejected):
            return Mapped(touchpoint, json)
        if touchpoint.reason == "placeholder_id":
            return rejected("placeholder_id", f"a name for nobody stands at {self._customer_id.places()}, such as null or 0")
        return touchpoint

    def _text(self, field: str, origin: Origin, element: Any, record: Any, number: int) -> str:
        try:
            value = origin.find(element, record, number)
            if value is None or value == "":
                self._refuse(field, f"expected text, found nothing at {origin.places()}")
            return as_text(value)
        except (_Refuse, Unfit) as refusal:
            said = str(refusal)
            raise _Refuse(said if said.startswith(f"{field}: ") else f"{field}: {said}") from None

    def _refuse(self, field: str, message: str) -> NoReturn:
        raise _Refuse(f"{field}: {message}")

    def _origin(self, expression: Expression) -> Origin:
        match expression:
            case At(path):
                return _Path(path)
            case Const(value):
                return _Constant(value)
            case First(options):
                return _First(tuple(self._origin(option) for option in options))
            case Hash(paths):
                return _Hash(paths)
            case Changed():
                if "sha256" in expression.conversions and not self._pepper:
                    raise MappingError("the source takes SHA-256 of ids, and needs a secret pepper for it: set ETAPA_SOURCE_PEPPER")
                return _Changed(expression, self._origin(expression.of), self._pepper)


class _FieldsMaker:
    def __init__(self, fields: Fields, name: str, origin: Any) -> None:
        self._name = name
        self._spread: tuple[Origin, ...] = tuple(origin(each) for each in fields.spread)
        self._single: tuple[tuple[str, Origin], ...] = tuple((key, origin(each)) for key, each in fields.single.items())

    def origins(self) -> list[tuple[str, Origin]]:
        """Each with the name of what it gives."""
        spread = [(f"{self._name}.*", origin) for origin in self._spread]
        return spread + [(f"{self._name}.{key}", origin) for key, origin in self._single]

    def make(self, element: Any, record: Any, number: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for origin in self._spread:
            found = origin.find(element, record, number)
            if type(found) is dict:
                made.update(found)
            elif found is not None:
                raise _Refuse(f"{self._name}: expected an object at {origin.places()}, found {noun(found)}")
        for key, origin in self._single:
            try:
                value = origin.find(element, record, number)
            except _Refuse as refusal:
                raise _Refuse(f"{self._name}.{key}: {refusal}") from None
            if value is not None:
                made[key] = value
        return made
