"""Why Kafka is unusable: one broken set-up after the other, on a real Kafka, and the cause reported for each."""

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from etapa.hosting.trouble import Trouble
from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis.probe import find_trouble, trouble_behind
from etapa.stream.kafka.errors import KAFKA_FAILURES
from etapa.stream.kafka.topics.creation import partition_count
from tests.integration.command_line import said_by
from tests.integration.places import new_place
from tests.servers.guarded_kafka import NOWHERE, PASSWORD, USER, GuardedKafka

pytestmark = [
    pytest.mark.kafka,
    # aiokafka leaves abandoned connections to the event loop, which ends here a moment later.
    pytest.mark.filterwarnings("ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """A port that accepts connections but never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def trouble_with(**settings: Any) -> Trouble:
    """The cause found after one of our clients has failed."""

    async def ask() -> Trouble | None:
        cluster = Cluster(Settings(**{"group": "etapa", "session_timeout": 5_000_000, **settings}))
        try:
            await partition_count(cluster)
        except KAFKA_FAILURES as error:
            return await trouble_behind(cluster, error)
        raise AssertionError("it works")

    found = asyncio.run(ask())
    assert found is not None
    assert PASSWORD not in str(found)
    return found


def test_nothing_is_found_where_a_login_is_right(guarded_kafka: GuardedKafka) -> None:
    for door, mechanism in (("SECURE", ""), ("MUTUAL", ""), ("PLAINLOGIN", "PLAIN"), ("SCRAM", "SCRAM-SHA-512"), ("OPENLOGIN", "PLAIN")):
        settings = Settings(**guarded_kafka.login(door, mechanism))
        assert asyncio.run(find_trouble(Cluster(settings))) is None, door


def test_a_wrong_password(guarded_kafka: GuardedKafka) -> None:
    for door, mechanism in (("PLAINLOGIN", "PLAIN"), ("SCRAM", "SCRAM-SHA-256")):
        found = trouble_with(**guarded_kafka.login(door, mechanism, password="a guess"))
        assert (found.kind, found.cause, found.address) == ("login_refused", "login", guarded_kafka.address(door))
        assert f"it refuses the login with {mechanism} of '{USER}'" in found.found
        assert "ETAPA_KAFKA_SASL_PASSWORD" in found.advice
        assert "a guess" not in str(found)


def test_a_mechanism_that_is_not_offered(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(**guarded_kafka.login("SCRAM", "PLAIN"))
    assert (found.kind, found.cause) == ("mechanism", "login")
    assert found.found == "it does not take PLAIN there, but SCRAM-SHA-256 or SCRAM-SHA-512"


def test_an_authority_that_has_not_signed(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(**guarded_kafka.login("SECURE", kafka_ssl_ca=str(guarded_kafka.strangers.certificate)))
    assert (found.kind, found.cause) == ("tls_untrusted", "tls")
    assert "ETAPA_KAFKA_SSL_CA" in found.advice


def test_a_certificate_for_another_name(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(**guarded_kafka.login("OTHERNAME"))
    assert (found.kind, found.cause) == ("tls_name", "tls")
    assert "127.0.0.1" in found.found


def test_a_certificate_that_has_expired(guarded_kafka: GuardedKafka) -> None:
    assert trouble_with(**guarded_kafka.login("EXPIRED")).kind == "tls_expired"


def test_a_certificate_of_our_own_that_is_missing_or_not_trusted(guarded_kafka: GuardedKafka) -> None:
    missing = trouble_with(**guarded_kafka.login("MUTUAL", kafka_ssl_cert=None, kafka_ssl_key=None))
    assert (missing.kind, missing.advice[:22]) == ("tls_own_certificate", "Set ETAPA_KAFKA_SSL_CE")
    strange = guarded_kafka.strange_client
    other = trouble_with(**guarded_kafka.login("MUTUAL", kafka_ssl_cert=str(strange.certificate), kafka_ssl_key=str(strange.key)))
    assert (other.kind, other.advice[:26]) == ("tls_own_certificate", "Look at ETAPA_KAFKA_SSL_CE")


def test_tls_to_a_listener_without_it(guarded_kafka: GuardedKafka) -> None:
    plain = {"kafka_bootstrap_servers": guarded_kafka.address()}
    found = trouble_with(**guarded_kafka.login("SECURE", **plain))
    assert (found.kind, found.cause) == ("tls_not_spoken", "tls")
    assert "ETAPA_KAFKA_SECURITY_PROTOCOL must be PLAINTEXT" in found.advice


def test_no_tls_to_a_listener_with_it(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(kafka_bootstrap_servers=guarded_kafka.address("SECURE"))
    assert (found.kind, found.cause) == ("tls_expected", "tls")
    found = trouble_with(**guarded_kafka.login("OPENLOGIN", "PLAIN", kafka_bootstrap_servers=guarded_kafka.address("PLAINLOGIN")))
    assert found.kind == "tls_expected"


def test_no_login_where_one_is_wanted_and_a_login_where_none_is_taken(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(kafka_bootstrap_servers=guarded_kafka.address("OPENLOGIN"))
    assert (found.kind, found.found) == ("login_expected", "it wants a login (PLAIN), but Etapa is set to use none")
    found = trouble_with(**guarded_kafka.login("SECURE", kafka_bootstrap_servers=guarded_kafka.address("SCRAM")))
    assert found.kind == "login_expected"
    found = trouble_with(**guarded_kafka.login("OPENLOGIN", "PLAIN", kafka_bootstrap_servers=guarded_kafka.address()))
    assert (found.kind, found.cause) == ("login_not_taken", "login")


def test_a_broker_that_is_not_where_it_says(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(kafka_bootstrap_servers=guarded_kafka.address("LOST"))
    assert (found.kind, found.cause, found.address) == ("advertised", "unreachable", guarded_kafka.address("LOST"))
    assert f"broker 1 is at 127.0.0.1:{NOWHERE}, where Etapa does not reach it: nobody listens there" in found.found
    assert "advertised.listeners" in found.advice


def test_nobody_there_a_name_that_is_unknown_and_something_else(silent_port: int) -> None:
    nobody = trouble_with(kafka_bootstrap_servers="127.0.0.1:1")
    assert (nobody.kind, nobody.cause) == ("refused", "unreachable")
    unknown = trouble_with(kafka_bootstrap_servers="no-such-broker.invalid:9092")
    assert (unknown.kind, unknown.cause) == ("name_unknown", "name_unknown")
    silent = trouble_with(kafka_bootstrap_servers=f"127.0.0.1:{silent_port}")
    assert (silent.kind, silent.cause) == ("another_protocol", "other")


def test_the_address_that_says_most_is_the_one_that_is_told(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(
        **guarded_kafka.login(
            "PLAINLOGIN", "PLAIN", "a guess", kafka_bootstrap_servers=f"127.0.0.1:1,{guarded_kafka.address('PLAINLOGIN')}"
        )
    )
    assert (found.kind, found.address) == ("login_refused", guarded_kafka.address("PLAINLOGIN"))


def test_rights_that_are_missing_name_the_topic_and_its_setting(guarded_kafka: GuardedKafka) -> None:
    found = trouble_with(**guarded_kafka.login("SCRAM", "SCRAM-SHA-256"))
    assert (found.kind, found.cause) == ("rights", "rights")
    # Brokers answer in no particular order.
    topic = re.search(r"does not let the user 'etapa' use the topic ([a-z-]+)$", found.found)
    assert topic is not None
    assert f"ETAPA_TOPIC_{topic[1].upper().replace('-', '_')} names it" in found.advice


@pytest.mark.parametrize("command", ["topics create", "dead-letters list", "verify", "triggers"])
def test_commands_say_so(guarded_kafka: GuardedKafka, command: str) -> None:
    settings = Settings(**guarded_kafka.login("PLAINLOGIN", "PLAIN", kafka_sasl_password=Secret("a guess")))
    code, said = said_by(settings, *command.split())
    assert code == 1
    [line] = said.splitlines()
    assert line.startswith(f"Error: Kafka at {guarded_kafka.address('PLAINLOGIN')}: it refuses the login with PLAIN of 'etapa' (")
    assert "a guess" not in said


def test_dead_letters_are_listed_for_who_may_only_read_them(guarded_kafka: GuardedKafka) -> None:
    settings = asyncio.run(new_place(guarded_kafka.address()))
    guarded_kafka.allow(USER, "TOPIC", settings.topic_dead_letters, "READ")
    code, said = said_by(replace(settings, **guarded_kafka.login("SCRAM", "SCRAM-SHA-256")), "dead-letters", "list")
    assert code == 0
    warning, total = said.splitlines()
    assert warning.startswith("Warning: which of them were sent back is not known. ")
    assert f"use the consumer group {settings.group}.redrive. " in warning
    assert total == "0 dead letters"
