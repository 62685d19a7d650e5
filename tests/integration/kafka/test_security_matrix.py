"""Every way to authenticate, on a real Kafka and a real Redis: correct credentials work, wrong ones are refused with their cause."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from etapa.hosting.trouble import TroubleKind
from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.settings.values import RedisUrl, Secret
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis.probe import trouble_behind
from etapa.stream.kafka.errors import KAFKA_FAILURES
from etapa.stream.kafka.topics.creation import partition_count
from etapa.stream.redis.store import Store
from tests.integration.places import new_place, put, read_all
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.certificates import Certificate
from tests.servers.guarded_kafka import USER, GuardedKafka
from tests.servers.guarded_redis import PASSWORD, GuardedRedis
from tests.servers.processes import wait_until
from tests.servers.redis_server import RedisServer
from tests.servers.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.redis,
    # aiokafka leaves abandoned connections to the event loop, which ends here a moment later.
    pytest.mark.filterwarnings("ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

_SECONDS = 60.0
_TOUCHPOINT = b'{"id":"%d","customer_id":"c","type":"page_viewed","occurred_at":"2026-01-01T00:00:00Z"}'


def allow_all(kafka: GuardedKafka, *users: str) -> None:
    for user in users:
        for resource in ("TOPIC", "GROUP", "TRANSACTIONAL_ID"):
            kafka.allow(user, resource, "test-", prefixed=True)


@pytest.fixture(scope="module")
def place(guarded_kafka: GuardedKafka, redis_server: RedisServer) -> Iterator[Settings]:
    allow_all(guarded_kafka, USER, "CN=client")
    try:
        yield asyncio.run(new_place(guarded_kafka.address(), redis_server.url))
    finally:
        # Other tests, on the same server, need users who may not do all.
        for user in (USER, "CN=client"):
            guarded_kafka.take_back(user)


def works(settings: Settings) -> None:
    """A record can be written and read."""

    async def there_and_back() -> None:
        assert await partition_count(Cluster(settings), settings.topic_touchpoints) == settings.partitions
        before = len(await read_all(settings, settings.topic_touchpoints))
        await put(settings, settings.topic_touchpoints, [(b"c", b"{}")])
        assert len(await read_all(settings, settings.topic_touchpoints)) == before + 1

    asyncio.run(there_and_back())


def refused(settings: Settings) -> tuple[TroubleKind | None, str]:
    async def ask() -> tuple[TroubleKind | None, str]:
        cluster = Cluster(replace(settings, session_timeout=5_000_000))
        try:
            await partition_count(cluster)
        except KAFKA_FAILURES as error:
            trouble = await trouble_behind(cluster, error)
            return (None, "") if trouble is None else (trouble.kind, str(trouble))
        return None, ""

    return asyncio.run(ask())


def oauth(tokens: TokenServer, **others: Any) -> dict[str, Any]:
    found = {"kafka_oauth_token_url": tokens.url, "kafka_oauth_client_id": CLIENT_ID, "kafka_oauth_client_secret": Secret(CLIENT_SECRET)}
    return {"kafka_sasl_mechanism": "OAUTHBEARER", **found, **others}


@pytest.mark.parametrize(
    ("door", "mechanism"),
    [("PLAINLOGIN", "PLAIN"), ("SCRAM", "SCRAM-SHA-256"), ("SCRAM", "SCRAM-SHA-512"), ("MUTUAL", ""), ("OPENLOGIN", "PLAIN")],
)
def test_passwords_and_certificates(guarded_kafka: GuardedKafka, place: Settings, door: str, mechanism: str) -> None:
    works(replace(place, **guarded_kafka.login(door, mechanism)))
    if mechanism:
        assert refused(replace(place, **guarded_kafka.login(door, mechanism, "a guess")))[0] == "login_refused"
    else:
        strange = guarded_kafka.strange_client
        others = {"kafka_ssl_cert": str(strange.certificate), "kafka_ssl_key": str(strange.key)}
        assert refused(replace(place, **guarded_kafka.login(door, **others)))[0] == "tls_own_certificate"


def test_tokens_by_client_credentials(guarded_kafka: GuardedKafka, token_server: TokenServer, place: Settings) -> None:
    def with_token(**others: Any) -> Settings:
        return replace(place, **guarded_kafka.login("OAUTH", **oauth(token_server, **others)))

    works(with_token())
    kind, said = refused(with_token(kafka_oauth_client_secret=Secret("a guess")))
    assert kind == "token"
    assert "the token endpoint refused (HTTP 401, invalid_client). Look at ETAPA_KAFKA_OAUTH_TOKEN_URL" in said
    assert refused(with_token(kafka_oauth_token_url="http://127.0.0.1:1/token"))[0] == "token"
    kind, said = refused(with_token(kafka_oauth_scope="elsewhere"))
    assert kind == "login_refused"
    assert "it refuses our token (invalid_token)" in said


def test_one_token_serves_many_connections(guarded_kafka: GuardedKafka, token_server: TokenServer, place: Settings) -> None:
    cluster = Cluster(replace(place, **guarded_kafka.login("OAUTH", **oauth(token_server))))
    before = token_server.asked

    async def ask() -> None:
        for _ in range(3):
            await partition_count(cluster, place.topic_touchpoints)

    asyncio.run(ask())
    assert token_server.asked == before + 1


def test_tokens_from_a_function(
    guarded_kafka: GuardedKafka, token_server: TokenServer, place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "etapa_test_tokens.py"
    module.write_text(
        f"def good():\n    return {token_server.signed()!r}\n\nasync def of_another():\n    return 'no.such.token'\n\n"
        "def failing():\n    raise RuntimeError('a secret')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def provided_by(function: str) -> Settings:
        provider = f"etapa_test_tokens:{function}"
        return replace(place, **guarded_kafka.login("OAUTH", kafka_sasl_mechanism="OAUTHBEARER", kafka_oauth_provider=provider))

    works(provided_by("good"))
    assert refused(provided_by("of_another"))[0] == "login_refused"
    kind, said = refused(provided_by("failing"))
    assert kind == "token"
    assert "etapa_test_tokens:failing failed (RuntimeError)" in said
    assert "a secret" not in said
    sys.modules.pop("etapa_test_tokens")


def test_passwords_that_are_replaced_in_their_files_are_taken_up_by_a_worker_that_runs(tmp_path: Path) -> None:
    kafka, guarded = GuardedKafka(tmp_path / "guarded"), GuardedRedis(tmp_path / "redis")
    password, url = tmp_path / "password", tmp_path / "url"
    password.write_text("between us")
    url.write_text(guarded.url(user="etapa"))
    try:
        kafka.server.start()
        guarded.start()
        allow_all(kafka, USER)
        settings = asyncio.run(new_place(kafka.address(), guarded.url(), session_timeout=6_000_000))
        login = replace(settings, **kafka.login("SCRAM", "SCRAM-SHA-512"))
        without = replace(login, kafka_sasl_password=None, redis_url=Settings().redis_url)
        files = {"ETAPA_KAFKA_SASL_PASSWORD_FILE": str(password), "ETAPA_REDIS_URL_FILE": str(url)}
        worker = StartedWorker(without, tmp_path, others=files)
        worker.wait_ready(2)
        # Redis first: its old password is refused at once, and the worker waits for the new one.
        with guarded.admin() as admin:
            admin.execute_command("ACL", "SETUSER", "etapa", "resetpass", ">another-one")
            admin.execute_command("CLIENT", "KILL", "USER", "etapa")
            asyncio.run(put(settings, settings.topic_touchpoints, [(b"c", _TOUCHPOINT % 0)]))
            wait_until(lambda: "it refuses the login of 'etapa'" in worker.said(), _SECONDS, "the worker's naming the login as the cause")
            url.write_text(guarded.url(user="etapa", password="another-one"))
            wait_until(lambda: admin.dbsize() > 0, _SECONDS, "the worker's writing to Redis with the new password")
        kafka.change_password("another one")
        password.write_text("another one")
        # Existing connections stay as they are; these are gone.
        kafka.server.kill_node(1)
        kafka.server.start()
        asyncio.run(put(settings, settings.topic_touchpoints, [(b"c", _TOUCHPOINT % number) for number in range(1, 20)]))
        wait_until(lambda: worker.total("etapa_touchpoints_total") >= 20, _SECONDS, "the worker's going on with the new password")
        worker.ask_to_stop()
        assert worker.exit_code() == 0
        for secret in ("another one", "another-one", PASSWORD):
            assert secret not in worker.said()
    finally:
        guarded.stop()
        kafka.server.stop()


def test_a_certificate_that_is_replaced_in_its_file_is_taken_up_by_a_worker_that_runs(tmp_path: Path, redis_server: RedisServer) -> None:
    kafka = GuardedKafka(tmp_path / "guarded")
    own, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def use(certificate: Certificate) -> None:
        own.write_bytes(certificate.certificate.read_bytes())
        key.write_bytes(certificate.key.read_bytes())

    try:
        kafka.server.start()
        for authority in ("client", "strange-client"):
            allow_all(kafka, f"CN={authority}")
        use(kafka.client)
        settings = asyncio.run(new_place(kafka.address(), redis_server.url, session_timeout=6_000_000))
        login = replace(settings, **kafka.login("MUTUAL", kafka_ssl_cert=str(own), kafka_ssl_key=str(key)))
        worker = StartedWorker(login, tmp_path)
        worker.wait_ready(2)
        # The old authority is retired: from now on only certificates of the other one are accepted.
        kafka.trust_clients_of(kafka.strangers)
        kafka.server.kill_node(1)
        kafka.server.start()
        wait_until(lambda: "certificate" in worker.said(), _SECONDS, "the worker's naming its certificate as the cause")
        use(kafka.strange_client)
        asyncio.run(put(settings, settings.topic_touchpoints, [(b"c", _TOUCHPOINT % number) for number in range(20)]))
        wait_until(lambda: worker.total("etapa_touchpoints_total") >= 20, _SECONDS, "the worker's going on with the new certificate")
        worker.ask_to_stop()
        assert worker.exit_code() == 0
    finally:
        kafka.server.stop()


def test_redis_with_tls_certificates_and_users(tmp_path: Path) -> None:
    guarded = GuardedRedis(tmp_path)
    url = tmp_path / "url"
    try:
        guarded.start()
        url.write_text(guarded.url(user="etapa"))
        settings = load_settings({"ETAPA_REDIS_URL_FILE": str(url)}, {})

        async def scenario() -> None:
            async with Store(settings) as store:
                await store.reader().takes_writes()
                with guarded.admin() as admin:
                    admin.execute_command("ACL", "SETUSER", "etapa", "resetpass", ">another-one")
                    url.write_text(guarded.url(user="etapa", password="another-one"))
                    admin.execute_command("CLIENT", "KILL", "USER", "etapa")
                await store.reader().takes_writes()

        asyncio.run(scenario())
        assert settings.redis_url == RedisUrl(guarded.url(user="etapa")), "what was read at the start stays"
        assert PASSWORD not in repr(environment_of) + str(settings.redis_url)
    finally:
        guarded.stop()
