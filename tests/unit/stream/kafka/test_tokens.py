"""Tokens and other credentials that change while a process runs."""

import asyncio
import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.settings.values import Secret
from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.security import KafkaSettingsError, client_options
from etapa.stream.kafka.clients.tokens import NamedProvider, TokenEndpoint, TokenError
from tests.servers.certificates import Authority
from tests.servers.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server


def settings_for(url: str, **others: Any) -> Settings:
    found = {"kafka_oauth_token_url": url, "kafka_oauth_client_id": CLIENT_ID, "kafka_oauth_client_secret": Secret(CLIENT_SECRET)}
    return Settings(kafka_security_protocol="SASL_PLAINTEXT", kafka_sasl_mechanism="OAUTHBEARER", **{**found, **others})


def test_a_token_is_kept_for_most_of_its_life(server: TokenServer) -> None:
    clock = [0.0]
    endpoint = TokenEndpoint(settings_for(server.url), lambda: clock[0])

    async def ask() -> None:
        await asyncio.gather(*(endpoint.token() for _ in range(5)))
        assert server.asked == 1
        clock[0] = 239.0
        await endpoint.token()
        assert server.asked == 1
        clock[0] = 241.0
        await endpoint.token()
        assert server.asked == 2

    asyncio.run(ask())


def test_what_an_endpoint_refuses_is_told_without_secrets(server: TokenServer) -> None:
    for url, secret, told in (
        (server.url, "a guess", r"refused \(HTTP 401, invalid_client\)"),
        ("http://127.0.0.1:1/token", CLIENT_SECRET, r"cannot be reached \(ClientConnectorError\)"),
        (server.keys_url.replace("/keys", "/token?x"), "another guess", "HTTP 401"),
    ):
        with pytest.raises(TokenError, match=told) as raised:
            asyncio.run(TokenEndpoint(settings_for(url, kafka_oauth_client_secret=Secret(secret))).token())
        assert secret not in str(raised.value)


def test_a_function_that_is_not_there_is_wrong_use() -> None:
    for name in ("no_such_module:token", "os:no_such_function", "os:sep"):
        with pytest.raises(KafkaSettingsError, match="ETAPA_KAFKA_OAUTH_PROVIDER"):
            client_options(settings_for("", kafka_oauth_provider=name))


def test_tokens_for_amazon_msk_are_signed_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "a secret key",
        "AWS_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.fspath(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    token = asyncio.run(NamedProvider("etapa.stream.kafka.msk:token").token())
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert url.startswith("https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect")
    assert "a secret key" not in url


def test_a_password_and_certificates_are_those_of_their_files_now(tmp_path: Path) -> None:
    password, ca = tmp_path / "password", tmp_path / "ca.pem"
    password.write_text("one")
    ca.write_bytes(Authority(tmp_path / "a", "one").certificate.read_bytes())
    environ = {
        "ETAPA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "ETAPA_KAFKA_SASL_MECHANISM": "PLAIN",
        "ETAPA_KAFKA_SASL_USERNAME": "etapa",
        "ETAPA_KAFKA_SASL_PASSWORD_FILE": str(password),
        "ETAPA_KAFKA_SSL_CA": str(ca),
    }
    access = Access(load_settings(environ, {}))
    first = access.tls
    assert first is not None
    assert access.tls is first, "as long as nothing has changed"

    password.write_text("two")
    ca.write_bytes(Authority(tmp_path / "b", "two").certificate.read_bytes())
    second = access.tls
    assert second is not None
    assert access.password == "two"
    assert [one["subject"] for one in second.get_ca_certs()] == [((("commonName", "two"),),)]

    ca.write_text("half a certifica")
    assert access.tls is second, "a file in the middle of its change leaves what was read before"
