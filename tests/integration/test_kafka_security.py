import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from etapa.settings import Settings
from etapa.settings.values import Secret
from tests.integration.outcome import followed, put_touchpoints
from tests.integration.places import new_place
from tests.integration.worker import StartedWorker
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import ServerError
from tests.servers.redis_server import RedisServer
from tests.support.clickstream import clickstream

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PASSWORD = "between us"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `keystore.p12`, which holds a key and a certificate for 127.0.0.1, and that certificate in `ca.pem`."""
    folder = tmp_path_factory.mktemp("certificate")
    keytool = shutil.which("keytool")
    if keytool is None:
        message = "the tests marked `kafka` need Java's keytool on the PATH"
        raise ServerError(message)
    store = ["-keystore", str(folder / "keystore.p12"), "-storepass", "changeit", "-alias", "broker"]
    make = [
        "-genkeypair",
        "-storetype",
        "PKCS12",
        "-keyalg",
        "RSA",
        "-dname",
        "CN=broker",
        "-ext",
        "san=ip:127.0.0.1",
        "-ext",
        "bc=ca:true",
    ]
    for command in ([*make, *store], ["-exportcert", "-rfc", "-file", str(folder / "ca.pem"), *store]):
        subprocess.run([keytool, *command], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def guarded_kafka(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[KafkaServer]:
    """A Kafka that talks TLS only, to those who know the password."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "ssl.keystore.location": str(certificate / "keystore.p12"),
        "ssl.keystore.password": "changeit",
        "ssl.key.password": "changeit",
        "ssl.truststore.location": str(certificate / "keystore.p12"),
        "ssl.truststore.password": "changeit",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": (
            f'{module} username="broker" password="{PASSWORD}" user_broker="{PASSWORD}" user_etapa="{PASSWORD}";'
        ),
    }
    server = KafkaServer(tmp_path_factory.mktemp("guarded-kafka"), settings=settings, protocol="SASL_SSL")
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def guarded_place(kafka: KafkaServer, redis: RedisServer, certificate: Path) -> Settings:
    return await new_place(
        kafka.bootstrap_servers,
        redis.url,
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="etapa",
        kafka_sasl_password=Secret(PASSWORD),
        kafka_ssl_ca=str(certificate / "ca.pem"),
        session_timeout=3_000_000,
    )


def test_a_worker_logs_in_over_tls_and_never_says_its_password(
    guarded_kafka: KafkaServer, redis_server: RedisServer, certificate: Path, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = replace(await guarded_place(guarded_kafka, redis_server, certificate), log_level="debug")
        worker = StartedWorker(settings, tmp_path)
        async with followed(settings) as progress:
            await put_touchpoints(settings, [(one.key, one.value) for one in clickstream()[:200]])
            await progress.wait_through()
        worker.wait_ready(2)
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        assert PASSWORD not in worker.said()

    asyncio.run(scenario())


def test_a_worker_with_a_wrong_password_is_not_ready_and_says_why(
    guarded_kafka: KafkaServer, redis_server: RedisServer, certificate: Path, tmp_path: Path
) -> None:
    settings = asyncio.run(guarded_place(guarded_kafka, redis_server, certificate))
    worker = StartedWorker(replace(settings, kafka_sasl_password=Secret("a guess")), tmp_path)
    worker.wait_for_words("no work without Kafka")
    assert not worker.ask("readyz")["ready"]
    assert worker.metric('etapa_dependency_trouble{cause="login",dependency="kafka"}') == 1
    worker.ask_to_stop()
    assert worker.exit_code() == 0
    assert "uthentication" in worker.said()
    assert "a guess" not in worker.said()
