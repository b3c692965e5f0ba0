"""Who uses what: the invented organisations' models, rhythms and prices."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from devstack.simulator.events import Dimension

MODELS_PRICED = {  # USD per million tokens: input, cached input, output; plausible, not a quote
    "gpt-4.1-2025-04-14": (2.0, 0.5, 8.0),
    "gpt-4o-mini-2024-07-18": (0.15, 0.075, 0.6),
    "gpt-5-mini-2025-08-07": (0.25, 0.025, 2.0),
    "o3-2025-04-16": (2.0, 0.5, 8.0),
    "text-embedding-3-small": (0.02, 0.02, 0.0),
    "claude-sonnet-4-5-20250929": (3.0, 0.3, 15.0),
    "claude-haiku-4-5-20251001": (1.0, 0.1, 5.0),
    "claude-opus-4-1-20250805": (15.0, 1.5, 75.0),
    "meta-llama/llama-3.1-70b-instruct": (0.4, 0.4, 0.4),
    "mistralai/mistral-large-2411": (2.0, 0.2, 6.0),
    "deepseek/deepseek-chat-v3.1": (0.2, 0.08, 0.8),
    "anthropic/claude-sonnet-4.5": (3.0, 0.3, 15.0),
}
DEFAULT_PRICE = (1.0, 0.25, 4.0)
MODERATION = "omni-moderation-latest"

ENDPOINTS = {
    "openai": ("completions", "embeddings", "moderations"),
    "anthropic": ("messages",),
    "openrouter": ("activity",),
    "litellm": ("spend_logs",),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """One steady use of one model: calls an hour, tokens a call, and how much of it is cached."""

    name: str
    endpoint: str
    dims: Mapping[str, Dimension]
    rhythm: str  # office, always, or nightly
    calls: float
    prompt: int
    completion: int
    cached: float = 0.0
    cache_write: float = 0.0
    reasoning: float = 0.0
    byok: bool = False


def digest(*parts: object) -> bytes:
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=32).digest()


def size_of(seed: int, organisation: str) -> float:
    """How big an organisation is; 0001 is the yardstick."""
    if organisation == "0001":
        return 1.0
    return 0.4 + 1.6 * digest(seed, organisation, "size")[0] / 255


@lru_cache(maxsize=256)
def streams(provider: str, seed: int, organisation: str, endpoint: str) -> tuple[Stream, ...]:
    return tuple(s for s in EVERY[provider](seed, organisation) if s.endpoint == endpoint)


def short_id(seed: int, organisation: str, name: str, length: int = 12) -> str:
    """An identifier of an organisation's things: the same in every process."""
    return digest(seed, organisation, name).hex()[:length]


def uuid_of(seed: int, organisation: str, name: str) -> str:
    return str(uuid.UUID(bytes=digest(seed, organisation, name)[:16], version=4))


def _openai(seed: int, organisation: str) -> list[Stream]:
    def dims(
        model: str, project: str, *, tier: str = "default", batch: bool = False
    ) -> dict[str, Dimension]:
        return {
            "model": model,
            "project_id": "proj_" + short_id(seed, organisation, project),
            "user_id": "user-" + short_id(seed, organisation, "user " + project),
            "api_key_id": "key_" + short_id(seed, organisation, "key " + project),
            "service_tier": tier,
            "batch": batch,
        }

    gpt, mini, small, o3 = (name for name in MODELS_PRICED if name.startswith(("gpt", "o3")))
    fast = dims(gpt, "assistant", tier="priority")
    offline = dims(gpt, "reports", batch=True)
    embedding = dims("text-embedding-3-small", "search")
    chat = "completions"
    return [
        Stream("a", chat, dims(gpt, "assistant"), "office", 60, 2600, 420, cached=0.52),
        Stream("b", chat, dims(mini, "assistant"), "always", 140, 900, 160, cached=0.3),
        Stream("c", chat, dims(mini, "search"), "office", 90, 700, 60, cached=0.22),
        Stream("d", chat, dims(o3, "research"), "office", 8, 3800, 2900, cached=0.25),
        Stream("e", chat, dims(small, "research"), "office", 30, 1800, 700, 0.4, 0.06, 0.4),
        Stream("f", chat, offline, "nightly", 50, 1500, 600, cached=0.2),
        Stream("g", chat, fast, "office", 6, 2600, 400, cached=0.55),
        Stream("h", "embeddings", embedding, "always", 40, 1200, 0),
        Stream(
            "i", "moderations", dims("omni-moderation-latest", "assistant"), "office", 20, 90, 0
        ),
    ]


def _anthropic(seed: int, organisation: str) -> list[Stream]:
    def dims(
        model: str, workspace: str | None, *, tier: str = "standard", geo: str = "global"
    ) -> dict[str, Dimension]:
        name = workspace or "default"
        return {
            "model": model,
            "workspace_id": workspace and "wrkspc_" + short_id(seed, organisation, name, 24),
            "api_key_id": "apikey_" + short_id(seed, organisation, "key " + name, 24),
            "account_id": None,
            "service_account_id": None,
            "service_tier": tier,
            "context_window": "0-200k",
            "inference_geo": geo,
        }

    sonnet, haiku, opus = (name for name in MODELS_PRICED if name.startswith("claude"))
    bulk, local = dims(haiku, "support", tier="batch"), dims(sonnet, "support", geo="us")
    return [
        Stream("a", "messages", dims(sonnet, "coding"), "office", 70, 9000, 650, 0.58, 0.12),
        Stream("b", "messages", dims(sonnet, None), "office", 12, 2200, 480, 0.3, 0.05),
        Stream("c", "messages", dims(haiku, "support"), "always", 80, 1400, 220, 0.45, 0.08),
        Stream("d", "messages", dims(opus, "coding"), "office", 4, 6000, 1500, 0.5, 0.1),
        Stream("e", "messages", bulk, "nightly", 60, 1100, 300, 0.2, 0.02),
        Stream("f", "messages", local, "office", 9, 2500, 300, 0.35, 0.05),
    ]


def _openrouter(seed: int, organisation: str) -> list[Stream]:
    def dims(model: str, permaslug: str, provider: str, workspace: str) -> dict[str, Dimension]:
        return {
            "model": model,
            "model_permaslug": permaslug,
            "endpoint_id": uuid_of(7, "shared", permaslug + provider),
            "provider_name": provider,
            "workspace_id": uuid_of(seed, organisation, workspace),
        }

    llama, mistral, deepseek, sonnet = (name for name in MODELS_PRICED if "/" in name)
    own_key = dims(sonnet, "anthropic/claude-4.5-sonnet-20250929", "Anthropic", "lab")
    return [
        Stream("a", "activity", dims(llama, llama, "DeepInfra", "app"), "always", 45, 1100, 260),
        Stream("b", "activity", dims(llama, llama, "Together", "app"), "office", 9, 1000, 240),
        Stream("c", "activity", dims(mistral, mistral, "Mistral", "app"), "office", 18, 1600, 380),
        Stream(
            *("d", "activity", dims(deepseek, deepseek, "DeepSeek", "lab"), "office", 30),
            *(2100, 900, 0.4, 0.0, 0.35),
        ),
        Stream("e", "activity", own_key, "office", 5, 4200, 700, 0.5, byok=True),
    ]


def _litellm(_seed: int, _organisation: str) -> list[Stream]:
    """A small office behind one proxy, whose own cache answers a question now and then."""

    def dims(model: str, provider: str, *, cache_hit: bool = False) -> dict[str, Dimension]:
        return {"model": model, "custom_llm_provider": provider, "cache_hit": cache_hit}

    mini, haiku = "gpt-4o-mini-2024-07-18", "claude-haiku-4-5-20251001"
    repeated = dims(mini, "openai", cache_hit=True)
    return [
        Stream("a", "spend_logs", dims(mini, "openai"), "office", 9, 800, 150, cached=0.3),
        Stream("b", "spend_logs", dims(haiku, "anthropic"), "office", 5, 2400, 300, 0.4, 0.08),
        Stream("c", "spend_logs", repeated, "office", 3, 800, 150),
    ]


EVERY: Mapping[str, Callable[[int, str], list[Stream]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "openrouter": _openrouter,
    "litellm": _litellm,
}
