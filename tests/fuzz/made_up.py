"""Made-up requests for every operation of an API document, sent to the site in this process.

`FUZZ_EXAMPLES=500` asks each operation that often instead of about eight times.
"""

import copy
import os
from collections.abc import Mapping
from typing import Any

import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations(document: Mapping[str, Any], *, root: str = "/api/v1") -> dict[str, Any]:
    """`POST /estimate` to what schemathesis knows of it. An operation it cannot read raises."""
    schema: Any = schemathesis.openapi.from_dict(_with_headers_required(document))
    schema.app = get_wsgi_application()
    schema.location = f"{root}/openapi.json"
    found = [result.ok() for result in schema.get_all_operations()]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


def _with_headers_required(document: Mapping[str, Any]) -> dict[str, Any]:
    """A header that an answer is described with has to be there: by default it only may."""
    strict: dict[str, Any] = copy.deepcopy(dict(document))
    for item in strict["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                for header in response.get("headers", {}).values():
                    header["required"] = True
    return strict


def ask(operation: Any, headers: Mapping[str, str]) -> None:
    """Requests that fit the document and such that do not: each answer is one it promises."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=_cases(operation))
    def one(case: Any) -> None:
        answer = case.call(headers=dict(headers))
        case.validate_response(answer, checks=CHECKS)

    one()


def _cases(operation: Any) -> st.SearchStrategy[Any]:
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    parts = (operation.body, operation.query, operation.path_parameters, operation.headers)
    if not any(len(part) for part in parts):
        return fitting  # type: ignore[no-any-return]
    misfit = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.one_of(fitting, misfit)
