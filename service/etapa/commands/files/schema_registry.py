"""The schema registry from the settings or from a source, for commands."""

import msgspec

from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.schemas import Schemas
from etapa.registry.confluent import ConfluentRegistry, RegistryMissing
from etapa.registry.kept import KeptSchemas
from etapa.settings import Settings
from etapa.settings.contradictions import registry_contradictions
from etapa.sources.language.model import Source


def schemas_of(settings: Settings, source: Source) -> Schemas | None:
    """The schemas of the registry, if one is set, or else of the one that the source names.

    Ends the command with exit code 2 if the login does not go with it, or the packages for it are not installed.
    """
    settings = msgspec.structs.replace(settings, registry_url=settings.registry_url or source.registry)
    problems = registry_contradictions(settings)
    if problems:
        raise WrongUse("\n".join(problems))
    if settings.registry_url is None:
        return None
    try:
        return KeptSchemas(ConfluentRegistry(settings))
    except RegistryMissing as error:
        raise WrongUse(f"{settings.registry_url}: {error}") from None
