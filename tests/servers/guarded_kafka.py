"""A real, guarded Kafka: one broker with a listener for each way to log in, so that a whole matrix of tests needs one start.

Access control applies behind every listener except the first: a user without rights may do nothing. The first, in plain text, is the
super user's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # which exports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from etapa.settings.values import Secret
from tests.servers.certificates import Authority, Certificate
from tests.servers.given_rights import give_rights, take_back_rights
from tests.servers.kafka_server import KafkaServer
from tests.servers.processes import free_ports

PASSWORD = "between us"
USER = "etapa"
NOWHERE = 1
"""A port at which nobody listens."""

_ADMIN_SECONDS = 30.0
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"

_DOORS: Mapping[str, str] = {
    "SECURE": "SSL",
    "MUTUAL": "SSL",
    "OTHERNAME": "SSL",
    "EXPIRED": "SSL",
    "PLAINLOGIN": "SASL_SSL",
    "SCRAM": "SASL_SSL",
    "OAUTH": "SASL_SSL",
    "OPENLOGIN": "SASL_PLAINTEXT",
    "LOST": "PLAINTEXT",
}
"""The protocol of each listener: TLS; mutual TLS; a certificate for another name, and an expired one; passwords by PLAIN and by SCRAM;
tokens; a password without TLS; and one that redirects clients to a port at which nobody listens."""


class GuardedKafka:
    """Its folder holds the authority (`authority.certificate`) and a client's certificate (`client`)."""

    def __init__(self, folder: Path, jwks: str = "") -> None:
        """`jwks` is the URL of the keys that tokens are signed with; without it, no token is accepted."""
        self.authority = Authority(folder / "pki", "authority")
        self.strangers = Authority(folder / "pki", "strangers")
        self.client = self.authority.issue("client")
        self.strange_client = self.strangers.issue("strange-client")
        self._trusted = folder / "pki" / "trusted-clients.pem"
        self._trusted.write_bytes(self.authority.certificate.read_bytes())
        self._ports = dict(zip(_DOORS, free_ports(len(_DOORS)), strict=True))
        self._jwks = jwks
        self.server = KafkaServer(
            folder / "kafka",
            settings=self._configuration(),
            listeners={name: (protocol, self._ports[name], NOWHERE if name == "LOST" else None) for name, protocol in _DOORS.items()},
            scram={USER: PASSWORD},
            java_options=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={jwks}"] if jwks else [],
        )

    def address(self, door: str = "", host: str = "127.0.0.1") -> str:
        """The address of a listener; without a name, the super user's."""
        return f"{host}:{self._ports[door]}" if door else self.server.bootstrap_servers

    def login(self, door: str, mechanism: str = "", password: str = PASSWORD, **others: Any) -> dict[str, Any]:
        """Etapa's settings for a correct login at this listener."""
        protocol = _DOORS.get(door, "PLAINTEXT")
        found: dict[str, Any] = {"kafka_bootstrap_servers": self.address(door), "kafka_security_protocol": protocol}
        if "SSL" in protocol:
            found["kafka_ssl_ca"] = str(self.authority.certificate)
        if mechanism:
            found |= {"kafka_sasl_mechanism": mechanism, "kafka_sasl_username": USER, "kafka_sasl_password": Secret(password)}
        if door == "MUTUAL":
            found |= {"kafka_ssl_cert": str(self.client.certificate), "kafka_ssl_key": str(self.client.key)}
        return {**found, **others}

    def allow(self, user: str, resource: str, name: str, *operations: str, prefixed: bool = False) -> None:
        """Allow a user something on a `TOPIC`, a `GROUP`, a `TRANSACTIONAL_ID` or the `BROKER` (the cluster), or on all with a prefix."""
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        bindings = [
            AclBinding(ResourceType[resource], name, pattern, f"User:{user}", "*", AclOperation[operation], AclPermissionType.ALLOW)
            for operation in operations or ("ALL",)
        ]
        give_rights(self._admin(), user, bindings)

    def take_back(self, user: str) -> None:
        """Allow a user nothing any more."""
        take_back_rights(self._admin(), user)

    def change_password(self, password: str) -> None:
        """Change the password of the SCRAM user."""
        admin = self._admin()
        # One request for each: brokers alter a user only once per request.
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            change = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), password.encode())
            for each in admin.alter_user_scram_credentials([change]).values():
                each.result(_ADMIN_SECONDS)

    def trust_clients_of(self, authority: Authority) -> None:
        """Accept certificates of only this authority at `MUTUAL`, once the broker starts again."""
        self._trusted.write_bytes(authority.certificate.read_bytes())

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address()})

    def _configuration(self) -> dict[str, str]:
        good = self.authority.issue("broker", "127.0.0.1", "localhost")
        found = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            **self._keystore("secure", good),
            **self._keystore("mutual", good),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.truststore.type": "PEM",
            "listener.name.mutual.ssl.truststore.location": str(self._trusted),
            **self._keystore("othername", self.authority.issue("elsewhere", "elsewhere.example")),
            **self._keystore("expired", self.authority.issue("old", "127.0.0.1", expired=True)),
        }
        for door in ("plainlogin", "openlogin"):
            found[f"listener.name.{door}.sasl.enabled.mechanisms"] = "PLAIN"
            found[f"listener.name.{door}.plain.sasl.jaas.config"] = f'{_PLAIN} user_{USER}="{PASSWORD}";'
        found["listener.name.scram.sasl.enabled.mechanisms"] = "SCRAM-SHA-256,SCRAM-SHA-512"
        found["listener.name.scram.scram-sha-256.sasl.jaas.config"] = _SCRAM
        found["listener.name.scram.scram-sha-512.sasl.jaas.config"] = _SCRAM
        found["listener.name.oauth.sasl.enabled.mechanisms"] = "OAUTHBEARER"
        found["listener.name.oauth.oauthbearer.sasl.jaas.config"] = _OAUTH
        if self._jwks:
            handler = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
            found["listener.name.oauth.oauthbearer.sasl.server.callback.handler.class"] = handler
            found["listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url"] = self._jwks
            found["listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience"] = "kafka"
        for door in ("plainlogin", "scram", "oauth"):
            found |= self._keystore(door, good)
        return found

    @staticmethod
    def _keystore(door: str, certificate: Certificate) -> dict[str, str]:
        return {
            f"listener.name.{door}.ssl.keystore.type": "PEM",
            f"listener.name.{door}.ssl.keystore.location": str(certificate.both),
        }
