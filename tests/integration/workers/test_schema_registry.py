"""Records in Avro, Protobuf and JSON Schema through a real schema registry, to a worker on real servers; and an unavailable registry."""

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.registry.confluent import Registered
from etapa.registry.protobuf import ProtobufReader
from tests.faults.installation.network import Network, NetworkLink
from tests.integration.outcome import check, followed, put_touchpoints, until_not_ready_for
from tests.integration.places import new_place, read_all
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.apicurio_server import ApicurioServer
from tests.servers.certificates import Authority
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.servers.registry_guard import RegistryGuard
from tests.unit.cli.process import etapa

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SOURCE = """
source: shop
touchpoint:
  id: id
  customer_id: customer
  type: type
  occurred_at: at
  properties: {amount: total.amount}
"""
MONEY = {"type": "record", "name": "shop.Money", "fields": [{"name": "amount", "type": "double"}]}
EVENT = {
    "type": "record",
    "name": "shop.Event",
    "fields": [
        *({"name": name, "type": "string"} for name in ("id", "customer", "type")),
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "total", "type": ["null", "shop.Money"]},
    ],
}
PROTO_MONEY = 'syntax = "proto3"; package shop; message Money { double amount = 1; }'
PROTO = """syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "money.proto";
message Other { string id = 1; }
message Event { string id = 1; string customer = 2; string type = 3; google.protobuf.Timestamp at = 4; Money total = 5; }"""
AT = 1_767_600_000_000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ApicurioServer]:
    server = ApicurioServer(tmp_path / "apicurio")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def road(registry: ApicurioServer) -> Iterator[NetworkLink]:
    """The way to the registry, to be cut and mended."""
    network = Network()
    try:
        road = network.link("registry")
        road.lead_to(urlsplit(registry.url).port or 0)
        yield road
    finally:
        network.close()


def touchpoint(number: int) -> dict[str, Any]:
    return {"id": f"e{number}", "customer_id": f"c-{number % 3}", "type": "purchase", "occurred_at": "2026-01-05T08:00:00Z"}


def in_avro(client: SchemaRegistryClient, number: int) -> bytes:
    client.register_schema("money", Schema(json.dumps(MONEY), "AVRO"))
    schema = Schema(json.dumps(EVENT), "AVRO", [SchemaReference("shop.Money", "money", 1)])
    record = {"id": f"e{number}", "customer": f"c-{number % 3}", "type": "purchase", "at": AT, "total": {"amount": 12.5}}
    value = AvroSerializer(client, schema)(record, SerializationContext("touchpoints", MessageField.VALUE))
    assert isinstance(value, bytes)
    return value


def in_protobuf(client: SchemaRegistryClient, number: int) -> bytes:
    client.register_schema("money.proto", Schema(PROTO_MONEY, "PROTOBUF"))
    schema = client.register_schema("events", Schema(PROTO, "PROTOBUF", [SchemaReference("money.proto", "money.proto", 1)]))
    event = ProtobufReader(Registered("PROTOBUF", PROTO, (("money.proto", PROTO_MONEY),))).message("shop.Event")
    event.id, event.customer, event.type, event.total.amount = f"e{number}", f"c-{number % 3}", "purchase", 12.5
    event.at.FromMilliseconds(AT)
    return b"\0" + schema.to_bytes(4, "big") + b"\x02\x02" + bytes(event.SerializeToString())


def in_json(client: SchemaRegistryClient, number: int) -> bytes:
    text = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"})
    schema = client.register_schema("json", Schema(text, "JSON"))
    event = {"id": f"e{number}", "customer": f"c-{number % 3}", "type": "purchase", "at": "2026-01-05T08:00:00Z", "total": {"amount": 12.5}}
    return b"\0" + schema.to_bytes(4, "big") + json.dumps(event).encode()


def written(registry: ApicurioServer) -> list[bytes]:
    """A record of each kind, by schemas registered first."""
    with SchemaRegistryClient({"url": registry.url}) as client:
        return [write(client, number) for number, write in enumerate((in_avro, in_protobuf, in_json))]


def test_what_a_registry_describes_is_read_and_waits_while_the_registry_is_away(
    kafka_server: KafkaServer, redis_server: RedisServer, registry: ApicurioServer, road: NetworkLink, tmp_path: Path
) -> None:
    values = written(registry)
    expected = [json.dumps({**touchpoint(number), "properties": {"amount": 12.5}}).encode() for number in range(3)]
    (tmp_path / "shop.yaml").write_text(SOURCE)

    async def scenario() -> None:
        settings = await new_place(
            kafka_server.bootstrap_servers,
            redis_server.url,
            partitions=1,
            session_timeout=3_000_000,
            source=(str(tmp_path / "shop.yaml"),),
            registry_url=urlsplit(registry.url)._replace(netloc=f"127.0.0.1:{road.port}").geturl(),
            registry_timeout=2_000_000,
        )
        unknown = (b"c-1", b"\0\0\xff\xff\xff" + b"whatever")
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [(f"c-{number}".encode(), value) for number, value in enumerate(values)])
            await progress.wait_through()
            worker.kill()
            # A new worker knows no schema, and the registry is gone.
            await asyncio.to_thread(road.cut)
            registry.stop()
            worker = StartedWorker(settings, tmp_path)
            await put_touchpoints(settings, [(b"c-0", values[0].replace(b"\x04e0", b"\x04e3")), unknown])
            await until_not_ready_for(worker, "schemas_away: schema")
            assert not await read_all(settings, settings.topic_dead_letters, 0)
            await asyncio.to_thread(registry.start)
            # It begins empty, and would say of every schema that it has none.
            assert await asyncio.to_thread(written, registry) == values
            await asyncio.to_thread(road.mend)
            await progress.wait_through()
        (record,) = await read_all(settings, settings.topic_dead_letters, 0)
        letter = decode_dead_letter(record.key, record.value, record.headers)
        assert (letter.key, letter.value, letter.reason) == (*unknown, "invalid")
        assert "no schema 16777215" in letter.detail
        with redis_server.client() as view:
            await check(settings, view, [*expected, json.dumps({**touchpoint(3), "properties": {"amount": 12.5}}).encode()], None)
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        # Records from the topic can be tried at a terminal, each a line of base64.
        (tmp_path / "seen.txt").write_bytes(b"\n".join(base64.b64encode(value) for value in values))
        shown = await asyncio.to_thread(
            lambda: etapa("sources", "convert", str(tmp_path / "shop.yaml"), str(tmp_path / "seen.txt"), env=environment_of(settings))
        )
        assert [json.loads(line) for line in shown.stdout.splitlines()] == [json.loads(line) for line in expected], shown.stderr

    asyncio.run(scenario())


def test_a_registry_that_speaks_tls_is_read_if_its_authority_is_trusted_and_with_a_certificate_and_a_login(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "pki", "authority"), Authority(tmp_path / "pki", "stranger")
    client = authority.issue("client")
    server = ApicurioServer(tmp_path / "apicurio", authority)
    (tmp_path / "shop.yaml").write_text(f"{SOURCE}registry: {{url: '{server.url}'}}\n")
    (tmp_path / "password").write_text("let:me in")

    def converted(trusted: Authority, **more: str) -> subprocess.CompletedProcess[bytes]:
        line = base64.b64encode(value) + b"\n"
        environment = {"ETAPA_REGISTRY_CA": str(trusted.certificate), **more}
        return etapa("sources", "convert", str(tmp_path / "shop.yaml"), "-", stdin=line, env=environment)

    try:
        server.start()
        with SchemaRegistryClient({"url": server.url, "ssl.ca.location": str(authority.certificate)}) as admin:
            value = in_avro(admin, 1)
        shown, refused = converted(authority), converted(stranger)
        # Apicurio itself asks for certificates and logins only if it is built for that, or beside a Keycloak.
        with RegistryGuard(server.url, authority, "etapa:let:me in") as guard:
            certificate = {"ETAPA_REGISTRY_CERT": str(client.certificate), "ETAPA_REGISTRY_KEY": str(client.key)}
            login = {"ETAPA_REGISTRY_USER": "etapa", "ETAPA_REGISTRY_PASSWORD_FILE": str(tmp_path / "password")}
            right = {"ETAPA_REGISTRY_URL": guard.url, **certificate, **login}
            guarded = converted(authority, **right)
            stranded = converted(authority, ETAPA_REGISTRY_URL=guard.url, **login)
            (tmp_path / "password").write_text("wrong")
            unknown = converted(authority, **right)
    finally:
        server.stop()
    assert json.loads(shown.stdout) == {**touchpoint(1), "properties": {"amount": 12.5}}, shown.stderr
    assert (refused.returncode, b"CERTIFICATE_VERIFY_FAILED" in refused.stderr) == (1, True)
    assert guarded.stdout == shown.stdout, guarded.stderr
    assert (stranded.returncode, guard.url in stranded.stderr.decode()) == (1, True)
    assert (unknown.returncode, b"refuses the login (HTTP 401)" in unknown.stderr) == (1, True)
