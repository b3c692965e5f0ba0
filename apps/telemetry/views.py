"""The dashboard's connections page: what is read, how it goes, and connecting one more."""

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
from apps.telemetry.connectors import PROVIDER_LABELS
from apps.telemetry.errors import ConnectionNotFoundError
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services import connections
from apps.telemetry.tasks import poll_connection
from apps.workspaces.access import WorkspacePage

POLLS_SHOWN: Final = 3


class ConnectForm(forms.Form):
    """What connecting an account needs. The key is read once and never shown again."""

    provider = forms.ChoiceField(choices=list(PROVIDER_LABELS.items()))
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
        found = list(selectors.connections(self.workspace))
        polls = selectors.latest_polls(found, count=POLLS_SHOWN)
        context: dict[str, Any] = {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "form": form,
            "connections": [(connection, polls.get(connection.pk, [])) for connection in found],
        }
        return render(request, "dashboard/connections.html", context, status=status)


class ConnectionActionPage(WorkspacePage):
    """POST /dashboard/connections/{id}/{retry|rotate-key|revoke}/."""

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
        if action == "retry":
            connections.retry(connection, actor=self.actor, now=now)
            ring(poll_connection, connection.pk)
            return "It is read again shortly."
        raise Http404
