"""Asking a registry for schemas with Confluent's API, which Apicurio, Karapace, Redpanda and others offer too."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from etapa.errors import EtapaError
from etapa.settings import Settings

NEEDED: Final = "using a schema registry needs `pip install 'etapa[registry]'`"
MOST_REFERENCES: Final = 200
"""The most schemas that one may refer to, directly or indirectly."""
_UNKNOWN: Final = (40401, 40402, 40403)
"""A registry's error codes for a missing subject, version or schema. Any other 404 does not come from a registry."""


class RegistryError(EtapaError):
    """The registry could not be reached, did not answer in time, or gave a wrong answer. This may pass."""


class UnknownSchema(EtapaError):
    """The registry has no such schema."""


class RegistryMissing(EtapaError):
    """The packages needed to ask a registry are not installed. The message says how to install them."""


class Registered(msgspec.Struct, frozen=True):
    """A schema as the registry has it."""

    kind: str
    """`AVRO`, `PROTOBUF` or `JSON`."""
    text: str
    references: tuple[tuple[str, str], ...] = ()
    """The name by which each schema is referred to, and its text; each comes after those that it needs."""


class Registry(Protocol):
    """Where schemas are kept."""

    def schema(self, number: int) -> Registered:
        """The schema of this number. Raises `UnknownSchema` or `RegistryError`."""


class ConfluentRegistry:
    """A registry over HTTP. Passwords and certificates are read again for each request, that is, once for each schema."""

    def __init__(self, settings: Settings) -> None:
        """Raises `RegistryMissing`."""
        try:
            from confluent_kafka.schema_registry import SchemaRegistryClient
        except ImportError:
            raise RegistryMissing(NEEDED) from None
        self._client: Callable[[dict[str, Any]], Any] = SchemaRegistryClient
        self._settings = settings

    def schema(self, number: int) -> Registered:
        """As `Registry.schema`."""
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            with self._client(_options(self._settings)) as client:
                found = client.get_schema(number)
                references: dict[str, str] = {}
                _gather(client, found, references)
                return Registered(found.schema_type or "AVRO", found.schema_str, tuple(references.items()))
        except SchemaRegistryError as error:
            if error.http_status_code == 404 and error.error_code in _UNKNOWN:
                raise UnknownSchema(f"the registry has no schema {number}, or none of those that it refers to") from None
            raise RegistryError(_said(error)) from error
        except RegistryError:
            raise
        except Exception as error:
            # The client passes on the errors of its HTTP library, TLS and JSON; none of them is about the record.
            raise RegistryError(f"{self._settings.registry_url}: {type(error).__name__}: {error}") from error


def _gather(client: Any, schema: Any, references: dict[str, str]) -> None:
    """Add the schemas that `schema` refers to, by name, each after those that it needs itself."""
    for reference in schema.references or ():
        if reference.name in references:
            continue
        if len(references) == MOST_REFERENCES:
            raise RegistryError(f"a schema refers to more than {MOST_REFERENCES} others")
        # A soft-deleted schema is still there for schemas that refer to it.
        found = client.get_version(reference.subject, reference.version, deleted=True).schema
        references[reference.name] = ""
        _gather(client, found, references)
        del references[reference.name]
        references[reference.name] = found.schema_str


def _options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "url": settings.registry_url,
        "timeout": settings.registry_timeout / 1_000_000,
        # The caller does its own waiting, and logs it.
        "max.retries": 0,
    }
    files = {
        "ssl.ca.location": settings.registry_ca,
        "ssl.certificate.location": settings.registry_cert,
        "ssl.key.location": settings.registry_key,
    }
    options.update({name: path for name, path in files.items() if path is not None})
    if settings.registry_user is not None and settings.registry_password is not None:
        options["basic.auth.user.info"] = f"{settings.registry_user}:{settings.registry_password.current().reveal()}"
    elif settings.registry_token is not None:
        token = settings.registry_token.current().reveal()
        options |= {
            "bearer.auth.credentials.source": "CUSTOM",
            "bearer.auth.custom.provider.function": lambda _: {"bearer.auth.token": token, "bearer.auth.logical.cluster": ""},
            "bearer.auth.custom.provider.config": {},
        }
    return options


def _said(error: Any) -> str:
    status = error.http_status_code
    message = " ".join(str(error.error_message).split())[:200]
    if status in (401, 403):
        return f"the schema registry refuses the login (HTTP {status}): {message}; see ETAPA_REGISTRY_USER, ETAPA_REGISTRY_PASSWORD and ETAPA_REGISTRY_TOKEN"
    if status == 404:
        return f"no schema registry at ETAPA_REGISTRY_URL (HTTP 404): {message}"
    return f"the registry answered HTTP {status}: {message}"
