"""The dashboard's connections page: what is read, how it goes, and connecting one more."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.secrets import Secret
from apps.telemetry import selectors
from apps.telemetry.models import ProviderConnection
from apps.telemetry.services import connections
from apps.workspaces.access import WorkspacePage


class ConnectForm(forms.Form):
    """What connecting an account needs. The key is read once and never shown again."""

    provider = forms.ChoiceField(choices=ProviderConnection.Provider.choices)
    name = forms.CharField(max_length=120, help_text="How you call this account")
    api_key = forms.CharField(
        label="Key",
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="An admin key (OpenAI, Anthropic) or a management key (OpenRouter)",
    )


class ConnectionsPage(WorkspacePage, View):
    """GET, POST /dashboard/connections/."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, ConnectForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ConnectForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=400)
        now = clock.now()
        key = Secret(form.cleaned_data["api_key"])
        try:
            account = connections.ask_provider(form.cleaned_data["provider"], key, now=now)
            connection = connections.connect(
                self.workspace,
                provider=form.cleaned_data["provider"],
                name=form.cleaned_data["name"],
                key=key,
                account=account,
                project_id=None,
                actor=self.actor,
                now=now,
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
            return self._page(request, form, status=refusal.status)
        messages.success(
            request, f"{connection.name} is connected; its past usage is being read now."
        )
        return HttpResponseRedirect(reverse("connections"))

    def _page(self, request: HttpRequest, form: ConnectForm, *, status: int = 200) -> HttpResponse:
        context: dict[str, Any] = {
            "workspace": self.workspace,
            "is_simulated": self.workspace.is_simulated,
            "form": form,
            "connections": [
                (connection, selectors.latest_polls(connection, 3))
                for connection in selectors.connections(self.workspace)
            ],
        }
        return render(request, "dashboard/connections.html", context, status=status)


class ConnectionActionPage(WorkspacePage, View):
    """POST /dashboard/connections/{id}/{revoke|retry}."""

    required_scope = "write"

    def post(self, request: HttpRequest, connection_id: str, action: str) -> HttpResponse:
        connection = selectors.connection_of(self.workspace, connection_id)
        act = {"revoke": connections.revoke, "retry": connections.retry}[action]
        try:
            act(connection, actor=self.actor, now=clock.now())
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            done = "Its key is destroyed; its history stays." if action == "revoke" else "It is read again shortly."
            messages.success(request, f"{connection.name}: {done}")
        return HttpResponseRedirect(reverse("connections"))
