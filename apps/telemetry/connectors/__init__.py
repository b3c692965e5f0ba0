"""The registry of provider connectors: one line per provider."""

from apps.telemetry.connectors.anthropic import AnthropicConnector
from apps.telemetry.connectors.base import Connector
from apps.telemetry.connectors.litellm import LiteLLMConnector
from apps.telemetry.connectors.openai import OpenAIConnector
from apps.telemetry.connectors.openrouter import OpenRouterConnector

_KINDS: tuple[type[Connector], ...] = (
    OpenAIConnector,
    AnthropicConnector,
    OpenRouterConnector,
    LiteLLMConnector,
)
CONNECTORS = {kind.provider: kind for kind in _KINDS}
PROVIDER_LABELS = {kind.provider: kind.label for kind in _KINDS}


def connector(provider: str, base_url: str) -> Connector:
    """The connector of a provider, talking to `base_url`."""
    return CONNECTORS[provider](base_url.rstrip("/"))
