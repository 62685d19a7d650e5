"""How our Kafka clients reach the brokers and authenticate. The options go to clients, and are never logged."""

import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from etapa.errors import EtapaError
from etapa.settings import Settings
from etapa.stream.kafka.clients.tokens import NamedProvider, TokenEndpoint


class KafkaSettingsError(EtapaError):
    """The security settings cannot be used: a file is missing, unreadable or of the wrong kind."""


def client_options(settings: Settings) -> dict[str, Any]:
    """The options that consumers, producers and admin clients share. Raises `KafkaSettingsError`."""
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap_servers.split(","), "security_protocol": protocol}
    if protocol in ("SSL", "SASL_SSL"):
        options["ssl_context"] = tls_context(settings)
    if protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        password = settings.kafka_sasl_password
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        if settings.kafka_sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = _token_provider(settings)
            return options
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = password.reveal() if password is not None else None
    return options


def _token_provider(settings: Settings) -> AbstractTokenProvider:
    if settings.kafka_oauth_provider is None:
        return TokenEndpoint(settings)
    try:
        return NamedProvider(settings.kafka_oauth_provider)
    except ValueError as error:
        message = f"ETAPA_KAFKA_OAUTH_PROVIDER: {settings.kafka_oauth_provider!r} cannot be used ({error}); needed: package.module:function"
        raise KafkaSettingsError(message) from None


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The TLS context, read from its files now. Raises `KafkaSettingsError`."""
    # It checks the broker's certificate and name, against the machine's own authorities if none are configured.
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_ca)
    except OSError as error:
        message = f"ETAPA_KAFKA_SSL_CA: {settings.kafka_ssl_ca!r} cannot be used ({error}); needed: a PEM file with certificates"
        raise KafkaSettingsError(message) from None
    if settings.kafka_ssl_cert is not None:
        secret = settings.kafka_ssl_key_password
        # Without a password OpenSSL would ask the terminal for one, which a service must not wait for.
        password = secret.current().reveal() if secret is not None else ""
        try:
            context.load_cert_chain(settings.kafka_ssl_cert, settings.kafka_ssl_key, password)
        except (OSError, ValueError) as error:
            named = f"{settings.kafka_ssl_cert!r} with the key {settings.kafka_ssl_key or settings.kafka_ssl_cert!r}"
            message = f"ETAPA_KAFKA_SSL_CERT, ETAPA_KAFKA_SSL_KEY: {named} cannot be used ({error}); needed: a PEM certificate and its key"
            raise KafkaSettingsError(message) from None
    return context
