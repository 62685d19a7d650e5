"""Schemas that cannot be used."""

from etapa.errors import EtapaError


class SchemaRefused(EtapaError):
    """Records cannot be read with this schema; the message says why."""
