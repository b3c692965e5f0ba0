"""What a tracked call is and what is answered: the published token contract, and ours beside."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.typed import RowFault
from apps.emissions.api.estimate.shapes import (
    CallInput,
    EstimateGrid,
    EstimateSums,
    EstimateWarning,
    Quantity,
)
from apps.emissions.calc.factors import Confidence, Tier

MOST_CALLS = 1000

Label = Annotated[str, Meta(min_length=1, max_length=200)]


class TrackInput(CallInput, frozen=True, kw_only=True):
    """A call that was made. No text of a prompt has a place here.

    `tenant_id` is your own customer's label. Of `developer_id` a keyed hash is stored. `project` is
    a project's id or name. `timestamp` carries its offset; without one the call is of now.
    """

    tenant_id: Label
    session_id: Label | None = None
    developer_id: Label | None = None
    project: Label | None = None
    timestamp: Annotated[datetime, Meta(tz=True)] | None = None


class TrackOutput(Struct, frozen=True, kw_only=True):
    """What was stored. `queued` is the contract's word: the event is committed by then."""

    queued: bool
    event_id: str
    is_test: bool
    methodology_version: str
    estimated_co2_grams: float
    total_tokens: int
    co2_per_1k_tokens_used: float
    confidence: Confidence
    source: str
    model_found: bool
    free_events_remaining: int | UnsetType = UNSET
    energy_kwh: Quantity
    co2e_grams: Quantity
    operational_co2e_grams: Quantity
    embodied_co2e_grams: Quantity
    water_litres: Quantity
    factor_version: str
    model_matched: str
    tier: Tier
    grid: EstimateGrid
    overrides: list[str]
    warnings: list[EstimateWarning]
    explanation_url: str


class TrackBatchInput(Struct, frozen=True, kw_only=True):
    """Up to a thousand calls."""

    events: Annotated[list[TrackInput], Meta(min_length=1, max_length=MOST_CALLS)]


class TrackBatchParts(Struct, frozen=True, kw_only=True):
    """The same before its rows are read, for who wants the good ones of them stored."""

    events: Annotated[list[Any], Meta(min_length=1, max_length=MOST_CALLS)]


class TrackedRow(Struct, frozen=True, kw_only=True):
    """One call of a batch: stored, or refused in its place where only the good ones are wanted."""

    index: int
    event_id: str | UnsetType = UNSET
    estimated_co2_grams: float | UnsetType = UNSET
    error: RowFault | UnsetType = UNSET


class TrackBatchOutput(Struct, frozen=True, kw_only=True):
    """What was stored of a batch: rows in the order they were given in, and their sum."""

    queued: bool
    accepted: int
    is_test: bool
    factor_version: str
    free_events_remaining: int | UnsetType = UNSET
    total: EstimateSums
    results: list[TrackedRow]
