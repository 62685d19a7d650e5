"""The OpenAPI 3.1 document of the HTTP API, made from the operations and the types of their answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

import etapa
from etapa.serve.operations import OF_A_WORKER, Operation, Response

LONGEST_ID = 256
"""Length of a customer id, in characters."""
_HEADERS = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "How to log in.", "schema": {"type": "string"}},
}


def openapi_document(operations: Sequence[Operation] = OF_A_WORKER) -> Mapping[str, Any]:
    """The document as plain data. It is the same each time it is made."""
    bodies = {answer.body for operation in operations for answer in operation.answers if answer.body is not None}
    in_order = sorted(bodies, key=str)
    schemas, components = msgspec.json.schema_components(in_order, ref_template="#/components/schemas/{name}")
    by_body = dict(zip(in_order, schemas, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Etapa",
            "version": etapa.__version__,
            "description": "Customers' journey stages, as a worker of Etapa sees them. Nothing can be changed here. Answers may gain fields.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The worker that served this document."}],
        "paths": {operation.path: {"get": _operation(operation, by_body)} for operation in operations},
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "The token in ETAPA_API_TOKEN."}},
        },
    }


def _operation(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.about}
    if operation.of_a_customer:
        told["security"] = [{"token": []}]
    parameters = []
    if "{id}" in operation.path:
        parameters += [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": f"The {operation.id_of}'s id, percent-encoded as UTF-8.",
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
            }
        ]
    parameters += [
        {
            "name": each.name,
            "in": "query",
            "required": False,
            "description": each.about,
            "schema": {"type": "string", "enum": list(each.choices)} if each.choices else {"type": "string"},
        }
        for each in operation.query
    ]
    if parameters:
        told["parameters"] = parameters
    told["responses"] = {str(answer.status): _answer(answer, schemas) for answer in operation.answers}
    return told


def _answer(answer: Response, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    schema = {"type": "string"} if answer.body is None else schemas[answer.body]
    told: dict[str, Any] = {"description": answer.meaning, "content": {media_type: {"schema": schema} for media_type in answer.media_types}}
    if answer.headers:
        told["headers"] = {name: _HEADERS[name] for name in answer.headers}
    return told
