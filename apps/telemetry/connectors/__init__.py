"""The registry of provider connectors."""

from collections.abc import Callable

from apps.telemetry.connectors.anthropic import AnthropicConnector
from apps.telemetry.connectors.base import Connector
from apps.telemetry.connectors.openai import OpenAIConnector
from apps.telemetry.connectors.openrouter import OpenRouterConnector

CONNECTORS: dict[str, Callable[[str], Connector]] = {
    "openai": OpenAIConnector,
    "anthropic": AnthropicConnector,
    "openrouter": OpenRouterConnector,
}
PROVIDER_LABELS = {"openai": "OpenAI", "anthropic": "Anthropic", "openrouter": "OpenRouter"}


def connector(provider: str, base_url: str) -> Connector:
    """The connector of a provider, talking to `base_url`."""
    return CONNECTORS[provider](base_url.rstrip("/"))
