"""The schema registry from the settings or from a source, for commands."""

import msgspec

from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.schemas import Schemas
from etapa.journey.language.reading.findings import listed
from etapa.registry.confluent import ConfluentRegistry, RegistryMissing
from etapa.registry.kept import KeptSchemas
from etapa.settings import Settings
from etapa.settings.contradictions import registry_contradictions
from etapa.sources.language.model import Source


def schemas_of(settings: Settings, *sources: Source) -> Schemas | None:
    """The schemas of the registry, if one is set, or else of the one that the sources name.

    Ends the command with exit code 2 if the sources name different ones, if the login does not go with it, or if the packages for it are
    not installed.
    """
    named = sorted({source.registry for source in sources if source.registry is not None})
    if settings.registry_url is None and len(named) > 1:
        raise WrongUse(f"the sources name different schema registries, {listed(named)}; a worker has one: set ETAPA_REGISTRY_URL")
    settings = msgspec.structs.replace(settings, registry_url=settings.registry_url or (named[0] if named else None))
    problems = registry_contradictions(settings)
    if problems:
        raise WrongUse("\n".join(problems))
    if settings.registry_url is None:
        return None
    try:
        return KeptSchemas(ConfluentRegistry(settings))
    except RegistryMissing as error:
        raise WrongUse(f"{settings.registry_url}: {error}") from None
