import ssl
from pathlib import Path
from typing import Any

import pytest

from etapa.settings import Settings
from etapa.settings.values import Secret
from etapa.stream.kafka.clients.security import KafkaSettingsError, client_options

LOGIN: dict[str, Any] = {
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "etapa",
    "kafka_sasl_password": Secret("wide open"),
}


def test_without_security_only_the_brokers_are_told() -> None:
    settings = Settings(kafka_bootstrap_servers="a:1,b:2")
    assert client_options(settings) == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}


def test_a_login_is_passed_on_with_its_password() -> None:
    options = client_options(Settings(kafka_security_protocol="SASL_PLAINTEXT", **LOGIN))
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "etapa"
    assert options["sasl_plain_password"] == "wide open"
    assert "ssl_context" not in options


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_checks_the_brokers_certificate_and_its_name(protocol: Any) -> None:
    context = client_options(Settings(kafka_security_protocol=protocol, **(LOGIN if protocol == "SASL_SSL" else {})))["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_files_that_cannot_be_used_are_named_with_their_settings(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    for path in (nonsense, tmp_path / "missing.pem"):
        with pytest.raises(KafkaSettingsError, match=r"ETAPA_KAFKA_SSL_CA: .*pem"):
            client_options(Settings(kafka_security_protocol="SSL", kafka_ssl_ca=str(path)))
        with pytest.raises(KafkaSettingsError, match=r"ETAPA_KAFKA_SSL_CERT, ETAPA_KAFKA_SSL_KEY: .*pem"):
            client_options(Settings(kafka_security_protocol="SSL", kafka_ssl_cert=str(path)))
