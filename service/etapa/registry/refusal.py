"""Schemas that cannot be used."""

from etapa.errors import EtapaError


class SchemaRefused(EtapaError):
    """A schema that records cannot be read by; the message says why."""
