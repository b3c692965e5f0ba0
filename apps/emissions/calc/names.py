"""One spelling for a model: providers, routers and clouds write the same model differently."""

import re

_TUNED = re.compile(r"^(?:.*/)?ft:([^:]+).*$", re.DOTALL)  # ft:gpt-4o-mini:acme::id
_HOST = re.compile(r"^(?:databricks|openai|anthropic|fw|azure|bedrock|vertex)-")
_REGION = re.compile(r"^(?:us|us-gov|eu|apac|global|jp|au|ca|sa)\.")
_VENDOR = re.compile(
    r"^(?:ai21|amazon|anthropic|cohere|google|meta|minimax|mistral|moonshot|moonshotai"
    r"|nvidia|openai|qwen|writer|zai)\."  # not deepseek: `deepseek.r1` names the model by both
)
_DATE = re.compile(r"@(?=\d{4})")  # Vertex writes -20250929 as @20250929
_TAIL = re.compile(r"[@\[(].*$", re.DOTALL)  # @001, [1m], (batch)
_SIZE_TAG = re.compile(r":(?=\d+(?:\.\d+)?[bm]\b)")  # Ollama writes gpt-oss:120b
_POINT = re.compile(r"(?<=\d)p(?=\d)")  # Fireworks writes 3.1 as 3p1
_GAPS = re.compile(r"[._\s-]+")
_CLAUDE = (  # the family's place moved with version 4, and not everybody moved it at once
    (re.compile(r"^claude-v(?=\d)"), "claude-"),
    (re.compile(r"^claude-([4-9](?:-\d)?)-(opus|sonnet|haiku)\b"), r"claude-\2-\1"),
    (re.compile(r"^claude-(opus|sonnet|haiku)-(3(?:-\d)?)\b"), r"claude-\2-\1"),
)


def normalized_model_name(name: str) -> str:
    """The form that the patterns of a factor set are written in.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` becomes `claude-sonnet-4-5-20250929`.
    """
    text = _TUNED.sub(r"\1", name.strip().lower())
    text = text.split("#", 1)[0].rstrip("/ ").rsplit("/", 1)[-1]
    for prefix in (_HOST, _REGION, _VENDOR):
        text = prefix.sub("", text)
    text = _TAIL.sub("", _DATE.sub("-", text))
    text = _SIZE_TAG.sub("-", text).split(":", 1)[0]
    text = _GAPS.sub("-", _POINT.sub("-", text)).strip("-").removesuffix("-v1")
    for written, ours in _CLAUDE:
        text = written.sub(ours, text)
    return text
