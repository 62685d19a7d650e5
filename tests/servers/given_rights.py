"""Rights on a broker that enforces them: given, taken back, and seen to be in force."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # which exports them without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.servers.processes import wait_until

_SECONDS = 30


def give_rights(admin: AdminClient, user: str, bindings: Sequence[AclBinding]) -> None:
    """Give a user these rights, and wait until the broker knows them: it answers as soon as they are written down."""
    for made in admin.create_acls(list(bindings)).values():
        made.result(_SECONDS)
    wait_until(lambda: set(bindings) <= set(_rights_of(admin, user)), _SECONDS, f"the rights of {user}")


def take_back_rights(admin: AdminClient, user: str) -> None:
    """Leave a user without any rights."""
    for gone in admin.delete_acls([_all_of(user)]).values():
        gone.result(_SECONDS)
    wait_until(lambda: not _rights_of(admin, user), _SECONDS, f"{user} to have no rights")


def _rights_of(admin: AdminClient, user: str) -> list[AclBinding]:
    found: list[AclBinding] = admin.describe_acls(_all_of(user)).result(_SECONDS)
    return found


def _all_of(user: str) -> AclBindingFilter:
    every: Any = None  # which the library takes, and its types do not say
    whose = f"User:{user}"
    return AclBindingFilter(ResourceType.ANY, every, ResourcePatternType.ANY, whose, every, AclOperation.ANY, AclPermissionType.ANY)
