"""GET /session/{developer_id}/today: what one developer's sessions used since midnight UTC."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework.request import Request

from apps.common import clock
from apps.common.typed import TypedApi
from apps.emissions.calc.equivalents import equivalents
from apps.telemetry.selectors.sessions import Use, uses_of_day
from apps.telemetry.services.pushed import developer_hash
from apps.workspaces.access import WorkspaceApi


class SessionTodayRow(Struct, frozen=True, kw_only=True):
    """One session of the day; usage that names no session stands in a row of its own."""

    id: str
    session_id: str
    developer_id: str
    total_prompt_tokens: int
    total_completion_tokens: int
    total_co2_grams: float
    model: str | None
    started_at: datetime
    last_activity: datetime


class DeveloperTodayOutput(Struct, frozen=True, kw_only=True):
    """`today_prompts` counts the calls of those senders that count them."""

    developer_id: str
    today_co2_grams: float
    today_prompts: int
    today_tokens: int
    top_model: str | None
    sessions: list[SessionTodayRow]
    equivalent: str


class SessionTodayApi(TypedApi, WorkspaceApi):
    """A test key sees test events, a live key the others."""

    allows_any_origin = True
    Output = DeveloperTodayOutput

    @extend_schema(operation_id="session_today", responses={200: DeveloperTodayOutput})
    def get(self, request: Request, developer_id: str) -> HttpResponse:
        uses = uses_of_day(
            self.workspace,
            developer_hash(self.workspace, developer_id),
            is_test=self.is_test,
            now=clock.now(),
        )
        return self.answer(_today(developer_id, uses))


def _today(developer_id: str, uses: list[Use]) -> DeveloperTodayOutput:
    grams = float(sum(use.co2e_grams for use in uses))
    energy_kwh = float(sum(use.energy_kwh for use in uses))
    by_session: dict[str, list[Use]] = {}
    for use in uses:
        by_session.setdefault(use.session_id or "", []).append(use)
    return DeveloperTodayOutput(
        developer_id=developer_id,
        today_co2_grams=grams,
        today_prompts=sum(use.requests for use in uses),
        today_tokens=sum(use.prompt_tokens + use.completion_tokens for use in uses),
        top_model=_top_model(uses),
        sessions=[_session(developer_id, *session) for session in by_session.items()],
        equivalent=next(iter(equivalents(grams, energy_kwh)), "nothing yet today"),
    )


def _session(developer_id: str, session_id: str, uses: list[Use]) -> SessionTodayRow:
    name = hashlib.sha256(f"{developer_id}\0{session_id}".encode()).hexdigest()
    return SessionTodayRow(
        id=f"ses_{name[:32]}",
        session_id=session_id,
        developer_id=developer_id,
        total_prompt_tokens=sum(use.prompt_tokens for use in uses),
        total_completion_tokens=sum(use.completion_tokens for use in uses),
        total_co2_grams=float(sum(use.co2e_grams for use in uses)),
        model=_top_model(uses),
        started_at=min(use.started_at for use in uses),
        last_activity=max(use.last_activity for use in uses),
    )


def _top_model(uses: Iterable[Use]) -> str | None:
    """The model of the largest footprint."""
    grams: dict[str | None, float] = {}
    for use in uses:
        grams[use.model] = grams.get(use.model, 0.0) + float(use.co2e_grams)
    return max(grams, key=lambda model: grams[model], default=None)
