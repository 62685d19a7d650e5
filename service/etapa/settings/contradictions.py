"""Settings that are valid by themselves but not together."""

from etapa.settings import SETTINGS, Settings, variable_of
from etapa.settings.addresses import is_open

_PASSWORD = ("kafka_sasl_username", "kafka_sasl_password")
_TOKEN = ("kafka_oauth_token_url", "kafka_oauth_client_id", "kafka_oauth_client_secret")
_TOKEN_TOO = ("kafka_oauth_scope", "kafka_oauth_provider")


def contradictions(settings: Settings) -> list[str]:
    problems = []
    protocol = settings.kafka_security_protocol
    needs_login = protocol.startswith("SASL_")
    with_token = settings.kafka_sasl_mechanism == "OAUTHBEARER"
    login = ("kafka_sasl_mechanism", *((() if settings.kafka_oauth_provider else _TOKEN) if with_token else _PASSWORD))
    missing = [variable_of(name) for name in login if getattr(settings, name) is None]
    given = [
        variable_of(name) for name in ("kafka_sasl_mechanism", *_PASSWORD, *_TOKEN, *_TOKEN_TOO) if getattr(settings, name) is not None
    ]
    unused = [name for name in given if name not in map(variable_of, (*login, *(_TOKEN_TOO if with_token else ())))]
    if needs_login and unused and not missing:
        problems.append(f"{_listed(unused)}: found, but not used to log in with {settings.kafka_sasl_mechanism}; take it out")
    if needs_login and missing:
        problems.append(f"{variable_of('kafka_security_protocol')}: found {protocol}, which also needs {_listed(missing)}")
    if not needs_login and given:
        problems.append(
            f"{_listed(given)}: found, but {variable_of('kafka_security_protocol')} is {protocol}, which does not log in;"
            " set it to SASL_PLAINTEXT or SASL_SSL"
        )
    tls_files = [name for name in ("kafka_ssl_ca", "kafka_ssl_cert", "kafka_ssl_key") if getattr(settings, name) is not None]
    if tls_files and protocol not in ("SSL", "SASL_SSL"):
        named = _listed([variable_of(name) for name in tls_files])
        problems.append(
            f"{named}: found, but {variable_of('kafka_security_protocol')} is {protocol}, which does not encrypt; set it to SSL or SASL_SSL"
        )
    if settings.kafka_ssl_key and not settings.kafka_ssl_cert:
        problems.append(f"{variable_of('kafka_ssl_key')}: found without {variable_of('kafka_ssl_cert')}; allowed: both or neither")
    if settings.kafka_ssl_key_password and not settings.kafka_ssl_key and not settings.kafka_ssl_cert:
        problems.append(f"{variable_of('kafka_ssl_key_password')}: found without a key; set {variable_of('kafka_ssl_key')} too")
    problems += [] if settings.registry_url is None else registry_contradictions(settings)
    if settings.delivery_group == settings.group:
        problems.append(
            f"{variable_of('delivery_group')}: found {settings.group!r}, the same as {variable_of('group')}; allowed: a group of its own"
        )
    topics: dict[str, str] = {}
    for name in (name for name in SETTINGS if name.startswith("topic_")):
        topic = getattr(settings, name)
        if topic in topics:
            problems.append(f"{variable_of(name)}: found {topic!r}, the same as {topics[topic]}; allowed: a topic of its own")
        topics.setdefault(topic, variable_of(name))
    if settings.batch_bytes < settings.max_touchpoint_bytes:
        problems.append(
            f"{variable_of('batch_bytes')}: found {settings.batch_bytes}; allowed: at least {variable_of('max_touchpoint_bytes')}"
            f" ({settings.max_touchpoint_bytes})"
        )
    if settings.max_unpacked_bytes < settings.max_touchpoint_bytes:
        problems.append(
            f"{variable_of('max_unpacked_bytes')}: found {settings.max_unpacked_bytes}; allowed: at least"
            f" {variable_of('max_touchpoint_bytes')} ({settings.max_touchpoint_bytes})"
        )
    return problems


def registry_contradictions(settings: Settings) -> list[str]:
    """The same about the schema registry, whose URL may come from the settings or from a source."""
    if settings.registry_url is None:
        given = [
            variable_of(name)
            for name in ("registry_user", "registry_password", "registry_token", "registry_ca", "registry_cert", "registry_key")
            if getattr(settings, name) is not None
        ]
        where = f"{variable_of('registry_url')} or `registry` in the source"
        return [f"{_listed(given)}: found without a registry; set {where} too"] if given else []
    problems = []
    if (settings.registry_user is None) != (settings.registry_password is None):
        found = variable_of("registry_user" if settings.registry_password is None else "registry_password")
        problems.append(f"{found}: found alone; allowed: user and password together")
    if settings.registry_token is not None and settings.registry_user is not None:
        problems.append(f"{variable_of('registry_token')}: found together with {variable_of('registry_user')}; allowed: one way to log in")
    if settings.registry_key is not None and settings.registry_cert is None:
        problems.append(f"{variable_of('registry_key')}: found without {variable_of('registry_cert')}; allowed: both or neither")
    secret = settings.registry_password or settings.registry_token
    if secret is not None and any(is_open(url) for url in settings.registry_url.split(",")):
        problems.append(
            f"{variable_of('registry_url')}: found http, which would send the login unencrypted; allowed: https, or http to this machine"
        )
    return problems


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
