"""Schemas from a schema registry, and reading records by them: Avro, Protobuf and JSON. Needs the extra `etapa[registry]`."""
