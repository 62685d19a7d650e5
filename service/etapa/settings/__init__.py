"""All settings, where their values come from, and what is wrong with them.

A setting comes from a flag, otherwise from `ETAPA_…`, otherwise from the file that `ETAPA_…_FILE` names (a mounted secret), otherwise it
has its default. An empty value counts as not set. Nothing here talks to a server. `values` says what a value may look like, and
`reading` reads them. Durations and times are whole microseconds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

from etapa.contracts.incoming.placeholder_ids import USUAL_PLACEHOLDERS
from etapa.errors import EtapaError
from etapa.journey.units import MINUTE, SECOND
from etapa.settings import addresses, values
from etapa.settings.redis_url import redis_address
from etapa.settings.values import RedisUrl, Secret, ValueKind

PREFIX = "ETAPA_"
FILE_SUFFIX = "_FILE"
MAX_SECRET_BYTES = 64 * 1024
SHIPPED_JOURNEY = Path(__file__).parents[1] / "journeys" / "retail.yaml"

MEBIBYTE = 1024 * 1024

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
StartOffset = Literal["earliest", "latest"]
Switch = Literal["on", "off"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "logfmt", "json"]
Traces = Literal["off", "otlp"]
LogCustomerIds = Literal["pseudonym", "plain"]

SourceName = Literal["default", "environment", "file", "flag"]


class Setting(msgspec.Struct, frozen=True):
    """What a field of `Settings` accepts, and what it is for, in one sentence for the help and the docs."""

    kind: ValueKind
    about: str


class SettingsError(EtapaError):
    """Settings that cannot be used. `problems` lists all of them: the variable, what was found, what is allowed."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of Etapa, checked. Secrets stay hidden when this is printed; `reveal()` returns their text."""

    kafka_bootstrap_servers: Annotated[str, Setting(addresses.servers(), "Kafka brokers to start from")] = "localhost:9092"
    kafka_security_protocol: Annotated[
        SecurityProtocol, Setting(values.choice(get_args(SecurityProtocol)), "How connections to Kafka are secured")
    ] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[
        SaslMechanism | None, Setting(values.choice(get_args(SaslMechanism)), "How Etapa logs in to Kafka, with the SASL protocols")
    ] = None
    kafka_sasl_username: Annotated[str | None, Setting(values.one_line(), "User name for Kafka")] = None
    kafka_sasl_password: Annotated[Secret | None, Setting(values.secret(), "Password for Kafka")] = None
    kafka_oauth_token_url: Annotated[
        str | None, Setting(addresses.endpoint(), "Where tokens for OAUTHBEARER come from: the token endpoint of an authorization server")
    ] = None
    kafka_oauth_client_id: Annotated[str | None, Setting(values.one_line(), "Client id for the token endpoint")] = None
    kafka_oauth_client_secret: Annotated[Secret | None, Setting(values.secret(), "Client secret for the token endpoint")] = None
    kafka_oauth_scope: Annotated[str | None, Setting(values.one_line(), "Scope to ask the token endpoint for")] = None
    kafka_oauth_provider: Annotated[
        str | None,
        Setting(
            values.function_name(), "Function that gives tokens in place of a token endpoint; etapa.stream.kafka.msk:token for Amazon MSK"
        ),
    ] = None
    kafka_ssl_ca: Annotated[str | None, Setting(values.file_path(), "Certificates that Kafka's is checked against (PEM file)")] = None
    kafka_ssl_cert: Annotated[str | None, Setting(values.file_path(), "Client certificate for Kafka (PEM file)")] = None
    kafka_ssl_key: Annotated[str | None, Setting(values.file_path(), "Key of the client certificate for Kafka (PEM file)")] = None
    kafka_ssl_key_password: Annotated[Secret | None, Setting(values.secret(), "Password of that key")] = None
    kafka_check_crcs: Annotated[
        Switch,
        Setting(values.choice(get_args(Switch)), "Whether checksums of records are checked; the demo's private broker writes wrong ones"),
    ] = "on"
    redis_url: Annotated[RedisUrl, Setting(redis_address(), "Where Redis is")] = RedisUrl("redis://localhost:6379/0")
    redis_prefix: Annotated[str, Setting(values.key_prefix(), "Prefix of the Redis keys; the group, if not set")] = ""
    redis_timeout: Annotated[int, Setting(values.duration(SECOND, 5 * MINUTE), "How long Redis may take to connect or to answer")] = (
        5 * SECOND
    )
    journey: Annotated[str | None, Setting(values.file_path(), "The journey file; the shipped journey, if not set")] = None
    group: Annotated[str, Setting(values.group_name(), "Consumer group, and prefix of the transactional ids")] = "etapa"
    group_instance: Annotated[
        str | None,
        Setting(
            values.group_name(),
            "Name of this worker in its group (Kafka's group.instance.id); one that starts again under it in time keeps its partitions",
        ),
    ] = None
    topic_touchpoints: Annotated[str, Setting(values.topic_name(), "Topic that touchpoints are read from")] = "touchpoints"
    topic_stage_changes: Annotated[str, Setting(values.topic_name(), "Topic for stage changes")] = "stage-changes"
    topic_campaign_triggers: Annotated[str, Setting(values.topic_name(), "Topic for campaign triggers")] = "campaign-triggers"
    topic_campaign_outcomes: Annotated[str, Setting(values.topic_name(), "Topic for the outcomes of campaigns' goals")] = (
        "campaign-outcomes"
    )
    topic_dead_letters: Annotated[str, Setting(values.topic_name(), "Topic for records that could not be used")] = "dead-letters"
    topic_customer_state: Annotated[str, Setting(values.topic_name(), "Compacted topic with every customer's state")] = "customer-state"
    topic_campaign_trigger_dead_letters: Annotated[
        str, Setting(values.topic_name(), "Topic for campaign triggers that could not be delivered")
    ] = "campaign-trigger-dead-letters"
    topic_delivery_progress: Annotated[str, Setting(values.topic_name(), "Compacted topic with the progress of delivery")] = (
        "delivery-progress"
    )
    topic_transfers: Annotated[
        str, Setting(values.topic_name(), "Topic through which customers move to other partitions; `repartition` makes it")
    ] = "transfers"
    partitions: Annotated[int, Setting(values.number(1, 10_000), "Partitions of the topics that `topics create` makes")] = 12
    replication: Annotated[int, Setting(values.number(1, 100), "Copies of each partition that `topics create` asks for")] = 1
    allow_compacted_touchpoints: Annotated[
        Switch,
        Setting(values.choice(get_args(Switch)), "Whether touchpoints are read although Kafka compacts their topic, which loses some"),
    ] = "off"
    start: Annotated[
        StartOffset, Setting(values.choice(get_args(StartOffset)), "Where to begin in a partition that Etapa has never processed")
    ] = "earliest"
    session_timeout: Annotated[int, Setting(values.duration(SECOND, 15 * MINUTE), "Group session; also bounds the transactions")] = (
        30 * SECOND
    )
    http_host: Annotated[str, Setting(addresses.host(), "Address that the HTTP server listens on")] = "127.0.0.1"
    http_port: Annotated[int, Setting(values.number(0, 65_535), "Port that the HTTP server listens on; 0 takes any free one")] = 6066
    workers: Annotated[
        int | None, Setting(values.number_or_auto(1, 256), "Workers that `run` starts on this machine; auto: one for each core")
    ] = 1
    api_token: Annotated[
        Secret | None, Setting(values.token(), "Bearer token for customer data over HTTP; without one, all such requests are refused")
    ] = None
    http_customer_rate: Annotated[
        int, Setting(values.number(1, 1_000_000), "Requests for customers that a worker answers in a second; further ones are told to wait")
    ] = 100
    source: Annotated[
        tuple[str, ...] | None,
        Setting(
            values.source_names(),
            "Source (a name or a file) that maps the records of the touchpoints topic; if not set, they are touchpoints. Of several, each"
            " record's header etapa.source names one",
        ),
    ] = None
    source_pepper: Annotated[
        Secret | None, Setting(values.secret(), "Secret added before SHA-256 in source files, so that ids cannot be guessed by trying")
    ] = None
    registry_url: Annotated[
        str | None,
        Setting(addresses.registry(), "Schema registry for other systems' records: its URL, or several separated by commas"),
    ] = None
    registry_user: Annotated[str | None, Setting(values.one_line(), "User name for the schema registry")] = None
    registry_password: Annotated[Secret | None, Setting(values.secret(), "Password for the schema registry")] = None
    registry_token: Annotated[
        Secret | None, Setting(values.token(), "Bearer token for the schema registry, in place of user and password")
    ] = None
    registry_ca: Annotated[
        str | None, Setting(values.file_path(), "Certificates that the schema registry's is checked against (PEM file)")
    ] = None
    registry_cert: Annotated[str | None, Setting(values.file_path(), "Client certificate for the schema registry (PEM file)")] = None
    registry_key: Annotated[str | None, Setting(values.file_path(), "Key of that certificate (PEM file)")] = None
    registry_timeout: Annotated[int, Setting(values.duration(SECOND, 5 * MINUTE), "How long the schema registry may take to answer")] = (
        10 * SECOND
    )
    max_touchpoint_bytes: Annotated[
        int, Setting(values.size(1024, 64 * MEBIBYTE), "A touchpoint larger than this becomes a dead letter")
    ] = MEBIBYTE
    future_limit: Annotated[
        int, Setting(values.duration(0, 366 * 24 * 60 * MINUTE), "A touchpoint further in the future than this becomes a dead letter")
    ] = 5 * MINUTE
    placeholder_ids: Annotated[
        tuple[str, ...],
        Setting(values.names(256), "Customer ids that name nobody; a touchpoint with one becomes a dead letter. `off` accepts every id"),
    ] = USUAL_PLACEHOLDERS
    quiet_after: Annotated[
        int, Setting(values.duration(0, 24 * 60 * MINUTE), "A partition that read nothing for this long follows the wall clock")
    ] = MINUTE
    batch_records: Annotated[int, Setting(values.number(1, 1_000_000), "Most touchpoints in one batch")] = 20_000
    batch_bytes: Annotated[int, Setting(values.size(1024, 1024 * MEBIBYTE), "Most bytes in one batch")] = 6 * MEBIBYTE
    max_unpacked_bytes: Annotated[
        int,
        Setting(
            values.size(MEBIBYTE, 1024 * MEBIBYTE),
            "A compressed batch that takes more than this when unpacked is read piece by piece, slowly",
        ),
    ] = 32 * MEBIBYTE
    customers_in_memory: Annotated[
        int, Setting(values.number(0, 100_000_000), "Customers that each partition keeps in memory between batches")
    ] = 50_000
    delivery: Annotated[str | None, Setting(values.file_path(), "The delivery file: which campaign's triggers go where")] = None
    delivery_group: Annotated[
        str, Setting(values.group_name(), "Consumer group of delivery; if not set, the group followed by `-delivery`")
    ] = ""
    delivery_window: Annotated[
        int, Setting(values.number(1, 100_000), "Triggers that delivery holds in memory for each target and partition")
    ] = 100
    log_level: Annotated[LogLevel, Setting(values.choice(get_args(LogLevel)), "How much is logged")] = "info"
    log_format: Annotated[LogFormat, Setting(values.choice(get_args(LogFormat)), "Format of the lines in the log")] = "text"
    log_customer_ids: Annotated[LogCustomerIds, Setting(values.choice(get_args(LogCustomerIds)), "How customers are named in the log")] = (
        "pseudonym"
    )
    log_customer_key: Annotated[
        Secret | None, Setting(values.secret(), "Key for the pseudonyms in the log; without one, each process makes its own")
    ] = None
    forget_key: Annotated[
        Secret | None,
        Setting(
            values.secret(), "Key of the digests by which forgotten customers are recognised; `etapa forget` and all workers need the same"
        ),
    ] = None
    forget_readmit_after: Annotated[
        int,
        Setting(values.duration(MINUTE, 10 * 366 * 24 * 60 * MINUTE), "How long touchpoints of a forgotten customer change nothing"),
    ] = 400 * 24 * 60 * MINUTE
    traces: Annotated[
        Traces,
        Setting(
            values.choice(get_args(Traces)),
            "Whether spans are sent to an OpenTelemetry collector (OTLP over HTTP, etapa[otel]); OTEL_EXPORTER_OTLP_ENDPOINT says where",
        ),
    ] = "off"

    def __post_init__(self) -> None:
        if not self.redis_prefix:
            msgspec.structs.force_setattr(self, "redis_prefix", self.group)
        if not self.delivery_group:
            msgspec.structs.force_setattr(self, "delivery_group", f"{self.group}-delivery")

    @property
    def journey_path(self) -> Path:
        """The journey file to use: the one that was set, or the shipped one."""
        return Path(self.journey) if self.journey else SHIPPED_JOURNEY


def _settings_by_name() -> dict[str, Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hints[name].__metadata__[0] for name in Settings.__struct_fields__}


SETTINGS: Mapping[str, Setting] = _settings_by_name()
"""Every field of `Settings`, in order, with what it accepts."""


def variable_of(name: str) -> str:
    """The environment variable of a field: `http_port` gives `ETAPA_HTTP_PORT`."""
    return PREFIX + name.upper()


def flag_of(name: str) -> str:
    """The flag of a field: `http_port` gives `--http-port`."""
    return "--" + name.replace("_", "-")
