"""Validates an answer against the schema its provider published."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "data" / "schemas"
FILES = {
    "openai": "openai.usage.schema.json",
    "anthropic": "anthropic.usage_report.schema.json",
    "openrouter": "openrouter.schema.json",
    "stripe": "stripe.schema.json",
}


@lru_cache
def _validator(provider: str, name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / FILES[provider]).read_text())
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


def errors(provider: str, name: str, body: Any) -> list[str]:
    """What is wrong with a body; an empty list when nothing is."""
    return [error.message for error in _validator(provider, name).iter_errors(body)]
