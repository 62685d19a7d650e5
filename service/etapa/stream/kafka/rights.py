"""Explains what brokers do not let us do, naming the resource and its setting."""

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from etapa.hosting.dependencies import chain_of
from etapa.hosting.trouble import Trouble
from etapa.settings import SETTINGS, Settings, variable_of

_TOPICS = tuple(name for name in SETTINGS if name.startswith("topic_"))
_ACLS = "'Access control' in docs/operations.md lists the rights that Etapa needs"


def rights_trouble(settings: Settings, error: BaseException) -> Trouble | None:
    """What the brokers' authorizer refused, if that caused the error."""
    for one in chain_of(error):
        match one:
            case TopicAuthorizationFailedError():
                return _trouble(settings, *_topics_in(settings, one))
            case GroupAuthorizationFailedError():
                name = _group_in(settings, one)
                setting = "delivery_group" if name.startswith(settings.delivery_group) else "group"
                return _trouble(settings, f"the consumer group {name}", f"{variable_of(setting)} names the group")
            case TransactionalIdAuthorizationFailed():
                ids = f"transactional ids that begin with {settings.group}."
                return _trouble(settings, ids, f"{variable_of('group')} names how they begin")
            case ClusterAuthorizationFailedError():
                what = "the cluster itself (operation Create to make topics, IdempotentWrite for producers of old brokers)"
                return _trouble(settings, what, "A user with that right can create the topics: `etapa topics create --print`")
    return None


def _trouble(settings: Settings, what: str, names: str) -> Trouble:
    user = settings.kafka_sasl_username
    whom = f"the user {user!r}" if user is not None else "us"
    found = f"its access control (ACLs) does not let {whom} use {what}"
    return Trouble("Kafka", settings.kafka_bootstrap_servers, "rights", found, f"{names}; {_ACLS}")


def _topics_in(settings: Settings, error: BaseException) -> tuple[str, str]:
    told = " ".join(str(argument) for argument in error.args)
    named = [name for name in _TOPICS if getattr(settings, name) in told.replace("'", " ").replace("{", " ").replace("}", " ").split()]
    if not named:
        return f"a topic{f' ({told})' if told else ''}", "ETAPA_TOPIC_… name the topics"
    topics = ", ".join(getattr(settings, name) for name in named)
    return f"the topic {topics}", f"{', '.join(map(variable_of, named))} names it"


def _group_in(settings: Settings, error: BaseException) -> str:
    told = " ".join(str(argument) for argument in error.args)
    known = (f"{settings.delivery_group}.redrive", settings.delivery_group, f"{settings.group}.redrive", settings.group)
    return next((name for name in known if name in told), settings.group)
