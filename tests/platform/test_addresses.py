"""What an address may hold: whatever stands in it, no answer is a fault of the server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from apps.workspaces.models import Workspace
from tests.factories import MembershipFactory, WorkspaceFactory, bearer, new_key

METHODS = ("get", "post", "patch", "delete")
HELD = {"str": "{}", "text": "{}", "slug": "{}", "path": "{}", "uuid": f"{0:032x}", "int": "1"}


def routes(patterns: Any, before: str = "") -> Iterator[str]:
    """Every route of the site that has a part for the caller to fill in."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from routes(pattern.url_patterns, route)
        elif "<" in route and not route.startswith(("admin/", "^")):
            yield route


def filled(route: str, text: str) -> str:
    return "/" + re.sub(
        r"<(?:(\w+):)?\w+>", lambda part: HELD[part[1] or "str"].format(text), route
    )


@pytest.fixture
def workspace(db: None) -> Workspace:  # noqa: ARG001 - a fixture is asked for by its name
    return WorkspaceFactory.create()


@pytest.mark.parametrize("text", ["a%00b", "%F0%9F%8C%8D", "%2e%2e", "x" * 5000])
def test_no_text_in_an_address_is_a_fault_of_the_server(workspace: Workspace, text: str) -> None:
    program = Client(raise_request_exception=False, headers=bearer(new_key(workspace)))
    person = Client(raise_request_exception=False)
    person.force_login(MembershipFactory.create(workspace=workspace).user)

    faults = [
        (method, address)
        for client in (program, person)
        for route in routes(get_resolver().url_patterns)
        for address in [filled(route, text)]
        for method in METHODS
        if getattr(client, method)(address).status_code >= 500
    ]

    assert faults == []
