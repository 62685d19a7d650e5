"""Whatever a password looks like, and wherever it is put, no message, listing or repr of a setting repeats it."""

from hypothesis import example, given
from hypothesis import strategies as st

from etapa.settings import SettingsError
from etapa.settings.reading import read_settings, shown_value

PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(
    lambda text: f"Sup3r{text}S3cret"
)
PLACES = st.sampled_from(
    ["redis.internal:6379/0", "a:7000,b:7001", "[::1]:6379", "h", "", "local host", "h:99999", "h/x", "h?db=x", "h?x=1"]
)
SCHEMES = st.sampled_from(["redis", "rediss", "redis+cluster", "redis+sentinel", "http", "kafka", ""])


def told(environ: dict[str, str]) -> str:
    """Everything visible about settings: problems, or every value as shown and as printed."""
    try:
        settings = read_settings(environ, {}).settings
    except SettingsError as error:
        return f"{error}\n{error!r}"
    return "\n".join((repr(settings), *(shown_value(name, settings) for name in ("redis_url", "kafka_bootstrap_servers"))))


@given(SCHEMES, st.sampled_from(["", "etapa"]), PASSWORDS, PLACES)
@example("redis", "etapa", "Sup3rSecret#1S3cret", "redis.internal:6379/0")
@example("redis", "etapa", "Sup3rSecret/1S3cret", "redis.internal:6379/0")
@example("redis", "etapa", "Sup3rSecret?1S3cret", "redis.internal:6379/0")
@example("redis", "", "Sup3r]S3cret", "h")
def test_a_login_in_the_address_of_redis(scheme: str, user: str, password: str, place: str) -> None:
    seen = told({"ETAPA_REDIS_URL": f"{scheme}://{user}:{password}@{place}"})
    assert "Sup3r" not in seen
    assert "S3cret" not in seen


@given(st.sampled_from(["password", "sentinel_password", "ssl_password", "passwort"]), PASSWORDS)
def test_a_password_among_the_parameters(name: str, password: str) -> None:
    seen = told({"ETAPA_REDIS_URL": f"redis://h:6379/0?db=1&{name}={password}"})
    assert "Sup3r" not in seen
    assert "S3cret" not in seen


@given(PASSWORDS, st.sampled_from(["kafka:9092", "kafka", "kafka:x", "a:1,b:2"]), st.sampled_from(["", "SASL_SSL://", "http://"]))
def test_a_login_in_the_list_of_brokers(password: str, place: str, scheme: str) -> None:
    seen = told({"ETAPA_KAFKA_BOOTSTRAP_SERVERS": f"{scheme}etapa:{password}@{place}"})
    assert "Sup3r" not in seen
    assert "S3cret" not in seen


@given(
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=10).map(lambda text: f"Sup3r{text}")
)
def test_secrets_of_their_own(secret: str) -> None:
    names = ("ETAPA_API_TOKEN", "ETAPA_KAFKA_SASL_PASSWORD", "ETAPA_KAFKA_SSL_KEY_PASSWORD")
    assert "Sup3r" not in told(dict.fromkeys(names, secret))
