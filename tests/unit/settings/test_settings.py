"""Settings: where values come from, what is refused with which message, and that secrets stay secret."""

import copy
import pickle
from pathlib import Path

import msgspec
import pytest

from etapa.settings import SETTINGS, SHIPPED_JOURNEY, Settings, SettingsError, variable_of
from etapa.settings.reading import load_settings, read_settings, shown_value
from etapa.settings.values import Secret

TOKEN = {
    "ETAPA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "ETAPA_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
    "ETAPA_KAFKA_OAUTH_TOKEN_URL": "https://login.example.com/token",
    "ETAPA_KAFKA_OAUTH_CLIENT_ID": "etapa",
    "ETAPA_KAFKA_OAUTH_CLIENT_SECRET": "wide open",
}
SASL = {
    "ETAPA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "ETAPA_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "ETAPA_KAFKA_SASL_USERNAME": "etapa",
    "ETAPA_KAFKA_SASL_PASSWORD": "hunter2",
}


def problems_of(environ: dict[str, str], flags: dict[str, str | None] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, flags or {})
    return caught.value.problems


def test_without_anything_set_every_setting_has_its_documented_default() -> None:
    settings = load_settings({}, {})
    assert settings == Settings()
    assert settings.kafka_bootstrap_servers == "localhost:9092"
    assert settings.kafka_security_protocol == "PLAINTEXT"
    assert settings.redis_url.reveal() == "redis://localhost:6379/0"
    assert (settings.group, settings.redis_prefix) == ("etapa", "etapa")
    assert (settings.partitions, settings.replication, settings.start) == (12, 1, "earliest")
    assert (settings.http_host, settings.http_port, settings.api_token) == ("127.0.0.1", 6066, None)
    assert settings.session_timeout == 30_000_000
    assert settings.future_limit == 300_000_000
    assert settings.quiet_after == 60_000_000
    assert settings.journey is None
    assert settings.journey_path == SHIPPED_JOURNEY


def test_a_default_written_out_reads_as_itself() -> None:
    environ = {variable_of(name): shown_value(name, Settings()) for name in SETTINGS if name != "journey"}
    assert load_settings(environ, {}) == Settings()


def test_the_environment_wins_over_the_default_and_a_flag_over_the_environment() -> None:
    environ = {"ETAPA_HTTP_PORT": "7000", "ETAPA_GROUP": "blue"}
    reading = read_settings(environ, {"group": "green", "journey": None})
    assert reading.settings.http_port == 7000
    assert reading.settings.group == "green"
    assert (reading.sources["http_port"].kind, reading.sources["http_port"].name) == ("environment", "ETAPA_HTTP_PORT")
    assert (reading.sources["group"].kind, reading.sources["group"].name) == ("flag", "--group")
    assert reading.sources["start"].kind == "default"


def test_a_wrong_variable_does_not_matter_when_a_flag_replaces_it() -> None:
    assert load_settings({"ETAPA_HTTP_PORT": "nonsense"}, {"http_port": "1234"}).http_port == 1234


def test_the_prefix_of_the_redis_keys_is_the_group_unless_it_is_set() -> None:
    assert load_settings({"ETAPA_GROUP": "blue"}, {}).redis_prefix == "blue"
    assert load_settings({"ETAPA_GROUP": "blue", "ETAPA_REDIS_PREFIX": "shop"}, {}).redis_prefix == "shop"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_counts_as_not_set(empty: str) -> None:
    reading = read_settings({"ETAPA_GROUP": empty, "ETAPA_API_TOKEN": empty, "ETAPA_API_TOKEN_FILE": empty}, {"start": ""})
    assert reading.settings == Settings()
    assert {source.kind for source in reading.sources.values()} == {"default"}


def test_a_value_may_come_from_a_mounted_file_without_its_last_newline(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("t0ken-of-16-bytes\n")
    reading = read_settings({"ETAPA_API_TOKEN_FILE": str(secret)}, {})
    assert reading.settings.api_token == Secret("t0ken-of-16-bytes")
    assert (reading.sources["api_token"].kind, reading.sources["api_token"].name) == ("file", str(secret))


REGISTRY = {"ETAPA_REGISTRY_URL": "https://registry.example", "ETAPA_REGISTRY_USER": "etapa", "ETAPA_REGISTRY_PASSWORD": "secret"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ETAPA_REGISTRY_PASSWORD": ""}, "ETAPA_REGISTRY_USER: found alone"),
        ({"ETAPA_REGISTRY_USER": ""}, "ETAPA_REGISTRY_PASSWORD: found alone"),
        ({"ETAPA_REGISTRY_TOKEN": "a-token-of-some-length"}, "one way to log in"),
        ({"ETAPA_REGISTRY_KEY": "key.pem"}, "ETAPA_REGISTRY_KEY: found without ETAPA_REGISTRY_CERT"),
        ({"ETAPA_REGISTRY_URL": "http://registry.example"}, "send the login unencrypted"),
        ({"ETAPA_REGISTRY_URL": "https://etapa:secret@registry.example"}, "which holds a login; ETAPA_REGISTRY_USER"),
        ({"ETAPA_REGISTRY_URL": "registry.example:8081"}, "a URL of http or https"),
    ],
)
def test_how_a_schema_registry_is_reached_is_checked_as_a_whole(change: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_settings({**REGISTRY, **change}, {})
    assert load_settings({"ETAPA_REGISTRY_URL": "http://registry.example:8081, http://other.example"}, {}).registry_url == (
        "http://registry.example:8081,http://other.example"
    )


@pytest.mark.parametrize("name", [name for name, setting in SETTINGS.items() if not setting.kind.is_path])
def test_every_setting_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    value = tmp_path / "value"
    value.write_text(SASL.get(variable_of(name), shown_value(name, Settings())) or "some-text-of-24-letters")
    environ = {key: text for key, text in SASL.items() if key != variable_of(name)} if "sasl" in name or "protocol" in name else {}
    if name.startswith("kafka_oauth"):
        environ = {key: text for key, text in TOKEN.items() if key != variable_of(name)}
        if name == "kafka_oauth_provider":
            environ = {key: text for key, text in environ.items() if "_OAUTH_" not in key}
        value.write_text({**TOKEN, "ETAPA_KAFKA_OAUTH_PROVIDER": "package.module:function"}.get(variable_of(name), "kafka"))
    if name.startswith("registry_"):
        registry = {**REGISTRY, "ETAPA_REGISTRY_TOKEN": "a-token-of-some-length"}
        value.write_text(registry.get(variable_of(name)) or shown_value(name, Settings()))
        login = ("ETAPA_REGISTRY_USER", "ETAPA_REGISTRY_PASSWORD") if name in ("registry_user", "registry_password") else ()
        environ = {key: text for key, text in REGISTRY.items() if key in ("ETAPA_REGISTRY_URL", *login) and key != variable_of(name)}
    if name == "kafka_ssl_key_password":
        environ = {"ETAPA_KAFKA_SECURITY_PROTOCOL": "SSL", "ETAPA_KAFKA_SSL_CERT": "c.pem", "ETAPA_KAFKA_SSL_KEY": "k.pem"}
    assert read_settings(environ | {variable_of(name) + "_FILE": str(value)}, {}).sources[name].kind == "file"


def test_for_a_setting_that_is_a_path_the_file_variable_names_that_very_file(tmp_path: Path) -> None:
    journey = tmp_path / "journey.yaml"
    journey.write_text("journey: x")
    assert load_settings({"ETAPA_JOURNEY_FILE": str(journey)}, {}).journey == str(journey)


def test_a_value_and_a_file_for_the_same_setting_are_refused(tmp_path: Path) -> None:
    (problem,) = problems_of({"ETAPA_API_TOKEN": "a", "ETAPA_API_TOKEN_FILE": str(tmp_path / "token")})
    assert problem == "ETAPA_API_TOKEN: found both ETAPA_API_TOKEN and ETAPA_API_TOKEN_FILE; allowed: one of the two"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (missing,) = problems_of({"ETAPA_API_TOKEN_FILE": "/no/such/file"})
    assert missing.startswith("ETAPA_API_TOKEN_FILE: found '/no/such/file', which cannot be read (no such file or directory); allowed:")
    (folder,) = problems_of({"ETAPA_API_TOKEN_FILE": str(tmp_path)})
    assert "is a directory" in folder


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "which is empty"), (b"\n", "which is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "more than 65536")],
)
def test_a_file_that_holds_no_usable_value_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    (problem,) = problems_of({"ETAPA_API_TOKEN_FILE": str(secret)})
    assert said in problem


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ETAPA_HTTP_PORT", "65536", "a whole number from 0 to 65535"),
        ("ETAPA_HTTP_PORT", "-1", "a whole number from 0 to 65535"),
        ("ETAPA_HTTP_PORT", "٣", "a whole number from 0 to 65535"),
        ("ETAPA_PARTITIONS", "0", "a whole number from 1 to 10000"),
        ("ETAPA_START", "beginning", "earliest or latest"),
        ("ETAPA_SESSION_TIMEOUT", "30", "a duration such as 30s, 5m or 1h30m, from 1s to 15m"),
        ("ETAPA_SESSION_TIMEOUT", "0s", "a duration such as 30s, 5m or 1h30m, from 1s to 15m"),
        ("ETAPA_SESSION_TIMEOUT", "2h", "a duration such as 30s, 5m or 1h30m, from 1s to 15m"),
        ("ETAPA_KAFKA_SECURITY_PROTOCOL", "TLS", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        ("ETAPA_TOPIC_DEAD_LETTERS", "dead letters", "1 to 249 letters, digits, '.', '_' and '-', not '.' or '..'"),
        ("ETAPA_TOPIC_DEAD_LETTERS", "..", "1 to 249 letters, digits, '.', '_' and '-', not '.' or '..'"),
        ("ETAPA_GROUP", "a b", "1 to 200 letters, digits, '.', '_' and '-'"),
        ("ETAPA_REDIS_PREFIX", "{x}", "1 to 200 printable ASCII characters without spaces and braces"),
        ("ETAPA_BATCH_BYTES", "8 MB", "a number of bytes such as 65536, 64KiB or 4MiB, from 1KiB to 1GiB"),
        ("ETAPA_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("ETAPA_HTTP_HOST", "http://x", "a host name or an IP address, such as 127.0.0.1, or 0.0.0.0 for every interface"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_found_and_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    assert problems_of({variable: value}) == (f"{variable}: found {value!r}; allowed: {allowed}",)


def test_a_wrong_flag_is_named_as_the_flag_that_it_is() -> None:
    assert problems_of({}, {"start": "now"}) == ("--start: found 'now'; allowed: earliest or latest",)


def test_all_problems_are_told_at_once() -> None:
    problems = problems_of({"ETAPA_HTTP_PORT": "x", "ETAPA_START": "y", "ETAPA_API_TOKEN_FILE": "/no/such/file"})
    assert [problem.split(":")[0] for problem in problems] == ["ETAPA_START", "ETAPA_HTTP_PORT", "ETAPA_API_TOKEN_FILE"]


@pytest.mark.parametrize("servers", ["a:9092", "a:9092, b.example.com:9093", "10.0.0.1:9092", "[::1]:9092", "kafka-0.kafka:9092,"])
def test_brokers_are_hosts_with_ports(servers: str) -> None:
    expected = ",".join(part.strip() for part in servers.split(",") if part.strip())
    assert load_settings({"ETAPA_KAFKA_BOOTSTRAP_SERVERS": servers}, {}).kafka_bootstrap_servers == expected


@pytest.mark.parametrize(
    ("servers", "said"),
    [("kafka", "has no port"), ("kafka:port", "'port' is not a port"), ("http://kafka:9092", "not a host"), ("::1:9092", "not a host")],
)
def test_brokers_that_cannot_be_are_refused(servers: str, said: str) -> None:
    (problem,) = problems_of({"ETAPA_KAFKA_BOOTSTRAP_SERVERS": servers})
    assert said in problem


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/3",
        "rediss://user:p%40ss@redis.example.com:6380/0",
        "redis+cluster://a:7000,b:7001,c",
        "redis+sentinel://:secret@a:26379,b:26379/mymaster/0",
        "redis://[::1]:6379",
    ],
)
def test_redis_may_be_one_server_a_cluster_or_sentinels(url: str) -> None:
    assert load_settings({"ETAPA_REDIS_URL": url}, {}).redis_url.reveal() == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:6379", "which has no scheme"),
        ("http://localhost", "whose scheme is 'http'"),
        ("redis://", "which names no host"),
        ("redis://localhost/main", "whose database is not a number"),
        ("redis://:hunter2@local host", "whose address is not host or host:port"),
        ("redis://:hunter2", "whose address is not host or host:port"),
        ("redis://:hunter2#1@h", "percent-encoded"),
        ("redis://h/0#hunter2", "which holds a #"),
        ("redis://h/0?socket_timeout=1", "a parameter that Etapa does not know (known: db, "),
        ("redis://h/0?hunter2", "whose parameters are not name=value"),
        ("redis://h/0?db=hunter2", "whose database is not a number"),
        ("rediss://h/0?ssl_cert_reqs=hunter2", "none, optional, required"),
    ],
)
def test_a_redis_url_that_cannot_be_is_refused_without_repeating_it(url: str, said: str) -> None:
    (problem,) = problems_of({"ETAPA_REDIS_URL": url})
    assert said in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:hunter2@h:1/0", "redis://********@h:1/0"),
        ("redis://user:hun@ter2@h:1/0", "redis://********@h:1/0"),
        ("redis://hunter2@h:1/0", "redis://********@h:1/0"),
        ("rediss://h:1/0?password=hunter2&db=1", "rediss://h:1/0?password=********&db=1"),
    ],
)
def test_a_redis_url_shows_itself_without_its_password(url: str, shown: str) -> None:
    redis_url = load_settings({"ETAPA_REDIS_URL": url}, {}).redis_url
    assert str(redis_url) == shown
    assert "ter2" not in repr(redis_url)


def test_no_secret_is_ever_printed() -> None:
    environ = SASL | {"ETAPA_API_TOKEN": "hunter2-hunter2-hunter2", "ETAPA_REDIS_URL": "redis://u:hunter2@h"}
    environ |= {"ETAPA_KAFKA_SSL_KEY_PASSWORD": "hunter2", "ETAPA_KAFKA_SSL_KEY": "k.pem", "ETAPA_KAFKA_SSL_CERT": "c.pem"}
    settings = load_settings(environ, {})
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.reveal() == "hunter2"
    everything = [repr(settings), str(settings), *(shown_value(name, settings) for name in SETTINGS)]
    assert not [text for text in everything if "hunter2" in text]


def test_a_secret_cannot_leave_by_serialisation() -> None:
    settings = load_settings({"ETAPA_API_TOKEN": "hunter2-hunter2-hunter2"}, {})
    with pytest.raises(TypeError):
        msgspec.json.encode(settings)
    with pytest.raises(TypeError):
        pickle.dumps(settings.api_token)
    with pytest.raises(TypeError):
        copy.copy(settings.api_token)


def test_a_wrong_secret_is_not_repeated_in_the_message() -> None:
    (problem,) = problems_of({"ETAPA_API_TOKEN": "two words"})
    assert problem == ("ETAPA_API_TOKEN: found a value that is kept secret; allowed: 16 to 4096 printable ASCII characters without spaces")


@pytest.mark.parametrize("name", ["ETAPA_KAFKA_SASL_MECHANISM", "ETAPA_KAFKA_SASL_USERNAME", "ETAPA_KAFKA_SASL_PASSWORD"])
def test_logging_in_to_kafka_needs_mechanism_name_and_password(name: str) -> None:
    (problem,) = problems_of({key: value for key, value in SASL.items() if key != name})
    assert problem == f"ETAPA_KAFKA_SECURITY_PROTOCOL: found SASL_SSL, which also needs {name}"


def test_a_login_that_the_protocol_would_not_use_is_refused() -> None:
    (problem,) = problems_of({"ETAPA_KAFKA_SASL_USERNAME": "etapa", "ETAPA_KAFKA_SASL_PASSWORD": "hunter2"})
    assert "does not log in; set it to SASL_PLAINTEXT or SASL_SSL" in problem
    assert "hunter2" not in problem


def test_certificates_that_the_protocol_would_not_use_are_refused() -> None:
    (problem,) = problems_of({"ETAPA_KAFKA_SSL_CA": "ca.pem"})
    assert "does not encrypt; set it to SSL or SASL_SSL" in problem


def test_a_key_needs_its_certificate() -> None:
    (problem,) = problems_of({"ETAPA_KAFKA_SECURITY_PROTOCOL": "ssl", "ETAPA_KAFKA_SSL_KEY": "k.pem"})
    assert problem == "ETAPA_KAFKA_SSL_KEY: found without ETAPA_KAFKA_SSL_CERT; allowed: both or neither"


def test_two_topics_with_the_same_name_are_refused() -> None:
    (problem,) = problems_of({"ETAPA_TOPIC_DEAD_LETTERS": "touchpoints"})
    assert problem == "ETAPA_TOPIC_DEAD_LETTERS: found 'touchpoints', the same as ETAPA_TOPIC_TOUCHPOINTS; allowed: a topic of its own"


def test_a_batch_must_have_room_for_the_largest_touchpoint() -> None:
    (problem,) = problems_of({"ETAPA_BATCH_BYTES": "64KiB"})
    assert problem.startswith("ETAPA_BATCH_BYTES: found 65536; allowed: at least ETAPA_MAX_TOUCHPOINT_BYTES")


def test_how_it_was_installed_is_no_unknown_setting() -> None:
    assert read_settings({"ETAPA_COMPILE": "always"}, {}).warnings == ()


def test_an_unknown_variable_is_pointed_out_with_the_nearest_known_name() -> None:
    reading = read_settings({"ETAPA_REDIS_ULR": "redis://x", "ETAPA_BANANA": "blue", "PATH": "/bin"}, {})
    assert reading.warnings == (
        "ETAPA_BANANA is not a setting of Etapa and is ignored",
        "ETAPA_REDIS_ULR is not a setting of Etapa and is ignored; did you mean ETAPA_REDIS_URL?",
    )


def test_what_kubernetes_adds_for_a_service_named_etapa_is_no_reason_to_warn() -> None:
    added = ["ETAPA_SERVICE_HOST", "ETAPA_SERVICE_PORT", "ETAPA_SERVICE_PORT_HTTP", "ETAPA_PORT", "ETAPA_PORT_6066_TCP_ADDR"]
    assert read_settings(dict.fromkeys(added, "10.0.0.1"), {}).warnings == ()


def test_a_variable_overwritten_by_a_kubernetes_service_is_recognised() -> None:
    (problem,) = problems_of({"ETAPA_HTTP_PORT": "tcp://10.0.0.1:6066"})
    assert "enableServiceLinks: false" in problem


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().group = "other"  # type: ignore[misc]


def test_a_byte_order_mark_is_no_part_of_a_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_bytes("\N{ZERO WIDTH NO-BREAK SPACE}s3cret\n".encode())
    environ = {"ETAPA_SOURCE_PEPPER_FILE": str(password)}
    assert load_settings(environ, {}).source_pepper == Secret("s3cret")


@pytest.mark.parametrize("url", ["http://login.example.com/token", "https://me:word@login.example.com/", "ftp://a/", "https://", "token"])
def test_a_token_endpoint_is_asked_over_tls_alone(url: str) -> None:
    (problem,) = problems_of({**TOKEN, "ETAPA_KAFKA_OAUTH_TOKEN_URL": url})
    assert problem.startswith("ETAPA_KAFKA_OAUTH_TOKEN_URL: found ")
    assert "word" not in problem


def test_a_login_is_by_password_or_by_token() -> None:
    assert load_settings(TOKEN, {}).kafka_oauth_client_id == "etapa"
    without = {key: text for key, text in TOKEN.items() if "CLIENT_ID" not in key}
    assert problems_of(without) == ("ETAPA_KAFKA_SECURITY_PROTOCOL: found SASL_SSL, which also needs ETAPA_KAFKA_OAUTH_CLIENT_ID",)
    (problem,) = problems_of({**TOKEN, "ETAPA_KAFKA_SASL_USERNAME": "u"})
    assert problem == "ETAPA_KAFKA_SASL_USERNAME: found, but not used to log in with OAUTHBEARER; take it out"


def test_a_secret_in_a_file_is_followed_when_it_is_replaced(tmp_path: Path) -> None:
    pepper = tmp_path / "pepper"
    pepper.write_text("one")
    secret = load_settings({"ETAPA_SOURCE_PEPPER_FILE": str(pepper)}, {}).source_pepper
    assert secret is not None
    pepper.write_text("two")
    assert (secret.reveal(), secret.current()) == ("one", Secret("two"))
    pepper.unlink()
    assert secret.current() == Secret("one")
    assert Secret("given").current() == Secret("given")
