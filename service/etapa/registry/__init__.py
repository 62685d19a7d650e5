"""Schemas from a schema registry, and reading records with them: Avro, Protobuf and JSON. Needs the extra `etapa[registry]`."""
