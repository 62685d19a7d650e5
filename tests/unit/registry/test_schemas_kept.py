"""Schemas from a registry: which are cached, what is waited for, and what makes a dead letter."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.schemas import SchemaNeeded, SchemasAway
from etapa.registry.confluent import ConfluentRegistry, Registered, UnknownSchema
from etapa.registry.kept import UNKNOWN_FOR, KeptSchemas
from etapa.settings.reading import load_settings
from tests.servers.certificates import Authority
from tests.servers.registry_double import RegistryDouble

TEXT = '{"type": "record", "name": "Visit", "fields": [{"name": "page", "type": "string"}]}'
VISIT = b"\x08home"


class Shelf:
    """A registry in memory that counts how often it is asked."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = set(numbers)
        self.asked: list[int] = []

    def schema(self, number: int) -> Registered:
        self.asked.append(number)
        if number not in self.numbers:
            raise UnknownSchema(f"no schema {number}")
        return Registered("AVRO", TEXT)


def over(double: RegistryDouble, **settings: str) -> KeptSchemas:
    environ = {"ETAPA_REGISTRY_URL": double.url, "ETAPA_REGISTRY_TIMEOUT": "2s"}
    return KeptSchemas(ConfluentRegistry(load_settings({**environ, **settings}, {})))


def read(schemas: KeptSchemas, number: int, body: bytes) -> Any:
    reader = schemas.reader(number)
    return reader if isinstance(reader, Rejected) else reader.read(body)


def test_a_schema_is_asked_for_once() -> None:
    shelf = Shelf(7)
    schemas = KeptSchemas(shelf)
    with pytest.raises(SchemaNeeded, match="7"):
        schemas.reader(7)

    async def several() -> None:
        await asyncio.gather(*(schemas.learn(7) for _ in range(5)))

    asyncio.run(several())
    assert read(schemas, 7, VISIT) == {"page": "home"}
    assert shelf.asked == [7]


def test_no_more_schemas_are_kept_than_may_be() -> None:
    shelf = Shelf(*range(5))
    schemas = KeptSchemas(shelf, most=3)
    for number in range(5):
        schemas.fetch(number)
    with pytest.raises(SchemaNeeded):
        schemas.reader(1)
    assert read(schemas, 2, VISIT) == read(schemas, 4, VISIT) == {"page": "home"}


def test_a_schema_that_the_registry_does_not_have_makes_dead_letters_and_is_asked_for_again_later() -> None:
    now = [0.0]
    shelf = Shelf()
    schemas = KeptSchemas(shelf, clock=lambda: now[0])
    schemas.fetch(9)
    found = schemas.reader(9)
    assert isinstance(found, Rejected)
    assert found.reason == "invalid"
    now[0] = UNKNOWN_FOR
    with pytest.raises(SchemaNeeded):
        schemas.reader(9)
    shelf.numbers.add(9)
    schemas.fetch(9)
    assert read(schemas, 9, VISIT) == {"page": "home"}


def test_a_schema_comes_with_those_that_it_refers_to() -> None:
    address = '{"type": "record", "name": "shop.Address", "fields": [{"name": "city", "type": "shop.City"}]}'
    city = '{"type": "enum", "name": "shop.City", "symbols": ["LIMA", "QUITO"]}'
    customer = '{"type": "record", "name": "shop.Customer", "fields": [{"name": "home", "type": ["null", "shop.Address"]}]}'
    to_city = [{"name": "shop.City", "subject": "city", "version": 1}]
    subjects = {
        "address/2": {"subject": "address", "version": 2, "id": 4, "schema": address, "references": to_city},
        "city/1": {"subject": "city", "version": 1, "id": 3, "schema": city},
    }
    schema = {"schema": customer, "references": [{"name": "shop.Address", "subject": "address", "version": 2}]}
    with RegistryDouble({5: schema}, subjects) as double:
        schemas = over(double)
        schemas.fetch(5)
    assert read(schemas, 5, b"\x02\x02") == {"home": {"city": "QUITO"}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, {"error_code": 50301, "message": "no leader"}), "HTTP 503: no leader"),
        ((401, {"error_code": 401, "message": "who are you"}), "refuses the login .HTTP 401.: who are you; see ETAPA_REGISTRY_USER"),
        ((404, {"message": "nothing here"}), "no schema registry at ETAPA_REGISTRY_URL"),
        ((404, b"<html>a proxy's page"), "no schema registry at ETAPA_REGISTRY_URL"),
        ((200, b"<html>a portal's page"), "127.0.0.1"),
        ((200, []), "127.0.0.1"),
    ],
)
def test_a_registry_that_does_not_answer_as_it_should_is_waited_for(answer: tuple[int, Any], said: str) -> None:
    with RegistryDouble({7: {"schema": TEXT}}) as double:
        schemas = over(double)
        double.answers = answer
        with pytest.raises(SchemasAway, match=f"^schema 7 cannot be loaded: .*{said}"):
            schemas.fetch(7)
        double.answers = None
        schemas.fetch(7)
        assert read(schemas, 7, VISIT) == {"page": "home"}


def test_a_registry_that_cannot_be_reached_is_waited_for() -> None:
    with RegistryDouble({}) as double:
        schemas = over(double)
    with pytest.raises(SchemasAway, match="Connection refused"):
        schemas.fetch(7)


def test_a_schema_that_cannot_be_used_makes_dead_letters() -> None:
    kinds = {1: {"schema": "{"}, 2: {"schema": TEXT, "schemaType": "XSD"}, 3: {"schema": "message", "schemaType": "PROTOBUF"}}
    with RegistryDouble(kinds) as double:
        schemas = over(double)
        for number in kinds:
            schemas.fetch(number)
    details = [reader.detail for number in kinds if isinstance(reader := schemas.reader(number), Rejected)]
    assert [detail.split(":")[0] for detail in details] == [f"schema {number} cannot be used" for number in kinds]
    assert "not an Avro schema" in details[0]
    assert "AVRO, PROTOBUF and JSON" in details[1]
    assert "protoc says" in details[2]


def test_the_login_is_sent_and_never_told() -> None:
    with RegistryDouble({7: {"schema": TEXT}}) as double:
        over(double, ETAPA_REGISTRY_USER="etapa", ETAPA_REGISTRY_PASSWORD="let:me in").fetch(7)
        over(double, ETAPA_REGISTRY_TOKEN="a-token-of-some-length").fetch(7)
        double.answers = (403, {"message": "no"})
        with pytest.raises(SchemasAway) as refusal:
            over(double, ETAPA_REGISTRY_TOKEN="a-token-of-some-length").fetch(7)
    assert double.authorizations[:2] == ["Basic ZXRhcGE6bGV0Om1lIGlu", "Bearer a-token-of-some-length"]
    assert "a-token" not in str(refusal.value)


def test_over_tls_only_the_right_login_from_the_right_place_is_taken(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other-ca")
    server, client = authority.issue("registry", "127.0.0.1"), authority.issue("client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(server.certificate, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    password = tmp_path / "password"
    password.write_text("old")
    right = {
        "ETAPA_REGISTRY_CA": str(authority.certificate),
        "ETAPA_REGISTRY_CERT": str(client.certificate),
        "ETAPA_REGISTRY_KEY": str(client.key),
        "ETAPA_REGISTRY_USER": "etapa",
        "ETAPA_REGISTRY_PASSWORD_FILE": str(password),
    }
    with RegistryDouble({7: {"schema": TEXT}}, authorization="Basic ZXRhcGE6bGV0Om1lIGlu", tls=context) as double:
        schemas = over(double, **right)
        with pytest.raises(SchemasAway, match=r"refuses the login \(HTTP 401\): Unauthorized; see ETAPA_REGISTRY_USER"):
            schemas.fetch(7)
        # Credentials are read again, so that a new password needs no restart.
        password.write_text("let:me in")
        schemas.fetch(7)
        assert read(schemas, 7, VISIT) == {"page": "home"}
        with pytest.raises(SchemasAway, match="CERTIFICATE_VERIFY_FAILED"):
            over(double, **right | {"ETAPA_REGISTRY_CA": str(other.certificate)}).fetch(7)
        nobody = {name: text for name, text in right.items() if name not in ("ETAPA_REGISTRY_CERT", "ETAPA_REGISTRY_KEY")}
        with pytest.raises(SchemasAway, match=double.url):
            over(double, **nobody).fetch(7)
