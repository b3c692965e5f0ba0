"""The dashboard's connections page: what is read, how it goes, and connecting one more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from apps.common import clock
from apps.common.bell import ring
from apps.common.errors import DomainError
from apps.common.secrets import Secret
from apps.telemetry import selectors
from apps.telemetry.errors import ConnectionNotFoundError
from apps.telemetry.models import PollRun, ProviderConnection
from apps.telemetry.selectors import Span
from apps.telemetry.selectors.completeness import State, Strip, strips
from apps.telemetry.services import connections, operating
from apps.telemetry.services.advice import advice
from apps.telemetry.tasks import poll_connection
from apps.workspaces.access import WorkspacePage
from apps.workspaces.roles import RIGHTS

POLLS_SHOWN: Final = 3
STRIP_SHOWN: Final = timedelta(days=7)
GAPS_NAMED: Final = 3
HOUR_SECONDS: Final = 3600
SAID: Final = (
    (State.SEEN, "read"),
    (State.PROVISIONAL, "read before they were over"),
    (State.MISSING, "missing"),
    (State.NOT_YET_DUE, "not yet due"),
)


@dataclass(frozen=True, slots=True)
class ShownStrip:
    """A strip as it is drawn and said: places and widths are counted in buckets."""

    strip: Strip
    cells: Sequence[tuple[int, int, str]]

    @classmethod
    def of(cls, strip: Strip) -> "ShownStrip":
        cells, place = [], 0
        for run in strip.runs:
            cells.append((place, run.buckets, run.state.value))
            place += run.buckets
        return cls(strip, cells)

    @property
    def width(self) -> int:
        return sum(run.buckets for run in self.strip.runs)

    @property
    def unit(self) -> str:
        return "hours" if self.strip.bucket_seconds == HOUR_SECONDS else "days"

    @property
    def counts(self) -> str:
        numbers = ((self.strip.number(state), words) for state, words in SAID)
        return ", ".join(f"{number} {words}" for number, words in numbers if number)

    @property
    def gaps(self) -> list[Any]:
        return [run for run in self.strip.runs if run.state == State.MISSING][-GAPS_NAMED:]


@dataclass(frozen=True, slots=True)
class ShownConnection:
    """A connection with what the page says of it."""

    connection: ProviderConnection
    polls: Sequence[PollRun]
    strips: Sequence[ShownStrip]
    advice: str


class ConnectForm(forms.Form):
    """What connecting an account needs. The key is read once and never shown again."""

    provider = forms.ChoiceField(choices=connections.offered)
    name = forms.CharField(max_length=120, help_text="How you call this account")
    api_key = forms.CharField(
        label="Key",
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="An admin key (OpenAI, Anthropic) or a management key (OpenRouter)",
    )


class ConnectionsPage(WorkspacePage):
    """GET, POST /dashboard/connections/."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, ConnectForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConnectForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=400)
        try:
            connection = self._connected(form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, refusal.message)
            return self._page(request, form, status=refusal.status)
        ring(poll_connection, connection.pk)
        messages.success(
            request, f"{connection.name} is connected; its past usage is being read now."
        )
        return HttpResponseRedirect(reverse("connections"))

    def _connected(self, asked: dict[str, Any]) -> ProviderConnection:
        now, key = clock.now(), Secret(asked["api_key"])
        account = connections.ask_provider(asked["provider"], key, now=now)
        return connections.connect(
            self.workspace,
            provider=asked["provider"],
            name=asked["name"],
            key=key,
            account=account,
            project_id=None,
            actor=self.actor,
            now=now,
        )

    def _page(self, request: HttpRequest, form: ConnectForm, *, status: int = 200) -> HttpResponse:
        context: dict[str, Any] = {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "form": form,
            "may_change": self.membership.role in RIGHTS[self.write_right].roles,
            "connections": self._shown(),
        }
        return render(request, "dashboard/connections.html", context, status=status)

    def _shown(self) -> list[ShownConnection]:
        found, now = list(selectors.connections(self.workspace)), clock.now()
        polls = selectors.latest_polls(found, count=POLLS_SHOWN)
        read = [one for one in found if one.status != ProviderConnection.Status.REVOKED]
        drawn = strips(read, Span(now - STRIP_SHOWN, now), now=now)
        return [
            ShownConnection(
                one,
                polls.get(one.pk, []),
                [ShownStrip.of(strip) for strip in drawn.get(one.pk, [])],
                advice(one.failure_kind),
            )
            for one in found
        ]


class ConnectionActionPage(WorkspacePage):
    """POST /dashboard/connections/{id}/{poll|pause|resume|validate|rotate-key|revoke}/."""

    def post(self, request: HttpRequest, connection_id: str, action: str) -> HttpResponse:
        try:
            connection = selectors.connection_of(self.workspace, connection_id)
            done = self._act(connection, action)
        except ConnectionNotFoundError as refusal:
            raise Http404(refusal.message) from refusal
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, f"{connection.name}: {done}")
        return HttpResponseRedirect(reverse("connections"))

    def _act(self, connection: ProviderConnection, action: str) -> str:
        now = clock.now()
        if action == "revoke":
            connections.revoke(connection, actor=self.actor, now=now)
            return "Its key is destroyed; its history stays."
        if action == "rotate-key":
            key = Secret(self.request.POST.get("api_key", ""))
            account = connections.ask_provider(connection.provider, key, now=now)
            connections.rotate_key(connection, key=key, account=account, actor=self.actor, now=now)
            ring(poll_connection, connection.pk)
            return "It has its new key and is read again shortly."
        if action == "pause":
            operating.pause(connection, actor=self.actor, now=now)
            return "It is paused; nothing is read until it is resumed."
        if action == "validate":
            tried = operating.try_key(connection, actor=self.actor, now=now)
            return tried.failure_message or "The provider accepts its key."
        if action in ("poll", "resume"):
            ask = operating.ask_for_poll if action == "poll" else operating.resume
            ask(connection, actor=self.actor, now=now)
            ring(poll_connection, connection.pk)
            return "It is read again shortly."
        raise Http404
