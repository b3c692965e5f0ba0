"""What each tool calls things, where it does not keep to the general names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from apps.telemetry.otlp.signals import Column

OPENROUTER: Final = "openrouter"

MODEL_CALLS: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
"""The operations that count. Those of agents, workflows and tools repeat the calls within them."""

GENERAL_METRIC: Final = "gen_ai.client.token.usage"
TOKEN_TYPES: Final[Mapping[str, Column]] = {
    "input": "input_uncached",
    "output": "output",
    "completion": "output",  # its name until version 1.27 of the conventions
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A known sender: what its `service.name` begins with, and whose models it calls."""

    name: str
    provider: str


CLAUDE_CODE: Final = Tool(name="claude-code", provider="anthropic")
GEMINI_CLI: Final = Tool(name="gemini-cli", provider="gcp.gemini")
CODEX: Final = Tool(name="codex", provider="openai")
TOOLS: Final = (
    CLAUDE_CODE,
    GEMINI_CLI,
    CODEX,
    Tool(name="claude-platform", provider="anthropic"),
    Tool(name=OPENROUTER, provider=OPENROUTER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMetric:
    """A tool's own token counter, one point for each type."""

    tool: Tool
    columns: Mapping[str, Column]
    repeated: frozenset[str] = frozenset()  # types that are part of another type
    flags: Mapping[str, str] = field(default_factory=dict)  # type to what is doubtful about it


# https://code.claude.com/docs/en/monitoring-usage: `input` is without the cache.
# Gemini CLI's `input` includes the cached tokens, and in Gemini's API the output is without the
# thoughts; what `tool` counts is not documented.
OWN_METRICS: Final[Mapping[str, OwnMetric]] = {
    "claude_code.token.usage": OwnMetric(
        tool=CLAUDE_CODE,
        columns={
            "input": "input_uncached",
            "output": "output",
            "cacheRead": "input_cache_read",
            "cacheCreation": "input_cache_write",
        },
    ),
    "gemini_cli.token.usage": OwnMetric(
        tool=GEMINI_CLI,
        columns={"input": "input_uncached", "output": "output", "thought": "reasoning"},
        repeated=frozenset({"cache", "tool"}),
        flags={"input": "input_includes_cache", "thought": "thoughts_added_to_output"},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNames:
    """The attributes of one finished call, as a tool's log event or span of its own has them."""

    tool: Tool
    input: str
    cache_read: str
    cache_write: str | None = None
    output: str
    reasoning: str | None = None
    input_is_uncached: bool = False  # the input does not include the cache's two parts
    adds_reasoning: bool = False  # the output does not include it
    kind: str | None = None  # the only `event.kind` that has the tokens
    ids: tuple[str, ...] = ()


CLAUDE_CODE_CALL: Final = CallNames(
    tool=CLAUDE_CODE,
    input="input_tokens",
    cache_read="cache_read_tokens",
    cache_write="cache_creation_tokens",
    output="output_tokens",
    input_is_uncached=True,
    ids=("request_id", "client_request_id"),
)
# https://github.com/openai/codex: `tool_token_count` is left out, its meaning is unclear.
CODEX_CALL: Final = CallNames(
    tool=CODEX,
    input="input_token_count",
    cache_read="cached_token_count",
    output="output_token_count",
    reasoning="reasoning_token_count",
    kind="response.completed",
)
# https://github.com/google-gemini/gemini-cli, docs/cli/telemetry.md
GEMINI_CLI_CALL: Final = CallNames(
    tool=GEMINI_CLI,
    input="input_token_count",
    cache_read="cached_content_token_count",
    output="output_token_count",
    reasoning="thoughts_token_count",
    adds_reasoning=True,
)
EVENTS: Final[Mapping[str, CallNames]] = {
    "claude_code.api_request": CLAUDE_CODE_CALL,
    "codex.sse_event": CODEX_CALL,
    "gemini_cli.api_response": GEMINI_CLI_CALL,
}
SHORT_EVENTS: Final = {("claude-code", "api_request"): "claude_code.api_request"}
"""What a tool calls an event within its own stream, to the event's whole name."""
SPANS: Final[Mapping[str, CallNames]] = {"claude_code.llm_request": CLAUDE_CODE_CALL}


def tool_of_service(service: str) -> Tool | None:
    """`claude-code-desktop` and `codex_cli_rs` are known tools as well."""
    lowered = service.lower()
    return next((tool for tool in TOOLS if _is_of(tool, lowered)), None)


def _is_of(tool: Tool, service: str) -> bool:
    # Nothing but the route itself is the route: an application may be named after it.
    return service == tool.name if tool.name == OPENROUTER else service.startswith(tool.name)
