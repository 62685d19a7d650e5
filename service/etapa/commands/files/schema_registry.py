"""The schema registry from the settings, for commands."""

from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.schemas import Schemas
from etapa.registry.confluent import ConfluentRegistry, RegistryMissing
from etapa.registry.kept import KeptSchemas
from etapa.settings import Settings


def schemas_of(settings: Settings) -> Schemas | None:
    """The schemas of the registry, if one is set. Ends the command with exit code 2 when the packages for it are not installed."""
    if settings.registry_url is None:
        return None
    try:
        return KeptSchemas(ConfluentRegistry(settings))
    except RegistryMissing as error:
        raise WrongUse(f"ETAPA_REGISTRY_URL: {error}") from None
