"""One spelling for a model: providers, routers and clouds write the same model differently."""

import re

_HOST = re.compile(r"^(?:databricks|openai|anthropic|fw|azure|bedrock|vertex)-")
_REGION = re.compile(r"^(?:us|us-gov|eu|apac|global|jp|au|ca|sa)\.")
_VENDOR = re.compile(
    r"^(?:ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai"
    r"|nvidia|openai|qwen|writer|zai)\."
)
_POINT = re.compile(r"(?<=\d)p(?=\d)")  # Fireworks writes 3.1 as 3p1
_DASHES = str.maketrans("._ ", "---")


def normalized_model_name(name: str) -> str:
    """The form that the patterns of a factor set are written in.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` becomes `claude-sonnet-4-5-20250929`.
    """
    text = name.strip().lower().removeprefix("ft:").rsplit("/", 1)[-1]
    for prefix in (_HOST, _REGION, _VENDOR):
        text = prefix.sub("", text)
    text = text.split(":", 1)[0].split("@", 1)[0]
    return _POINT.sub("-", text).translate(_DASHES).removesuffix("-v1")
