"""OpenRouter's slow-moving answers: the model list, a key's facts, what analytics can be asked."""

from collections.abc import Callable, Mapping
from typing import Any

from devstack.simulator.history import DAY, HOUR
from devstack.simulator.keys import Key
from devstack.simulator.profiles import MODELS_PRICED, short_id, uuid_of
from devstack.simulator.wire import JsonObject

GRANULARITIES = {"hour": HOUR, "day": DAY}
DIMENSIONS = {"model": "model_permaslug", "provider": "provider_name"}
METRICS: Mapping[str, Callable[[Mapping[str, int]], Any]] = {
    "request_count": lambda counts: counts.get("requests", 0),
    "tokens_prompt": lambda counts: counts.get("prompt_tokens", 0),
    "tokens_completion": lambda counts: counts.get("completion_tokens", 0),
    "tokens_total": lambda counts: counts.get("prompt_tokens", 0) + counts["completion_tokens"],
    "reasoning_tokens": lambda counts: counts.get("reasoning_tokens", 0),
    "cached_tokens": lambda counts: counts.get("cached_tokens", 0),
    "total_usage": lambda counts: counts.get("usage_micro_usd", 0) / 1_000_000,
}


def models() -> JsonObject:
    listed = [_model(name, *MODELS_PRICED[name]) for name in MODELS_PRICED if "/" in name]
    return {"data": listed, "links": {"next": None}, "total_count": len(listed)}


def _model(name: str, fresh: float, cached: float, out: float) -> JsonObject:
    def per_token(usd_per_million: float) -> str:
        return format(usd_per_million / 1_000_000, ".10f").rstrip("0")

    return {
        "id": name,
        "canonical_slug": name,
        "name": name.partition("/")[2],
        "created": 1_744_651_381,
        "description": "",
        "context_length": 131_072,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {
            "prompt": per_token(fresh),
            "completion": per_token(out),
            "input_cache_read": per_token(cached),
        },
        "top_provider": {
            "context_length": 131_072,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": ["max_tokens", "temperature"],
        "default_parameters": None,
        "supported_voices": None,
        "links": {"details": f"/api/v1/models/{name}/endpoints"},
    }


def key_facts(seed: int, key: Key, spent: Mapping[str, float]) -> JsonObject:
    is_management = key.kind == "management"
    workspace = None if is_management else uuid_of(seed, key.organisation, "app")
    return {
        **spent,
        "label": f"sk-or-v1-sim...{key.organisation}",
        "is_management_key": is_management,
        "is_provisioning_key": is_management,
        "is_free_tier": False,
        "creator_user_id": "user_" + short_id(seed, key.organisation, "creator", 27),
        "organization_id": "org_" + short_id(seed, key.organisation, "organisation", 27),
        "workspace_id": workspace,
        "expires_at": None,
        "include_byok_in_limit": False,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "rate_limit": {
            "interval": "10s",
            "note": "This field is deprecated and safe to ignore.",
            "requests": -1,
        },
        "allowed_data_regions": ["global"],
        "budgets": [],
        "effective_budget": None,
        "free_model_daily_requests": {"limit": 1000, "remaining": 1000, "used": 0},
    }


def analytics_meta() -> JsonObject:
    def named(names: Mapping[str, Any], **more: Any) -> list[JsonObject]:
        return [
            {"name": name, "display_label": name.replace("_", " ").title(), **more}
            for name in names
        ]

    return {
        "data": {
            "metrics": named(METRICS, is_rate=False, display_format="number"),
            "dimensions": named(DIMENSIONS),
            "operators": [],
            "granularities": named(GRANULARITIES),
        }
    }
