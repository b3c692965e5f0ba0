"""What the import contracts cannot see: sizes, thin doors, and documents for every path."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from carbon_platform.openapi import document
from tests.contract import UNDESCRIBED

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("apps", "carbon_platform", "devstack", "scripts")
MOST_LINES = 400
LONGER_FOR_A_REASON: dict[str, str] = {}
"""Path to reason."""

READS_AND_WRITES = re.compile(
    r"(^|/)(selectors|services|admin|models|migrations|management)(/|\.py$)"
)


def sources(*folders: str) -> list[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found if "migrations" not in path.parts)


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


@pytest.mark.parametrize("path", sources(*PRODUCT, "tests"))
def test_a_file_is_short(path: str) -> None:
    lines = (ROOT / path).read_text().splitlines()

    assert len(lines) <= MOST_LINES or path in LONGER_FOR_A_REASON


@pytest.mark.parametrize("path", sources(*PRODUCT))
def test_a_file_begins_by_saying_what_it_is_about(path: str) -> None:
    text = (ROOT / path).read_text()

    assert text.startswith(('"""', "#!")) or not text


@pytest.mark.parametrize("path", [p for p in sources("apps") if not READS_AND_WRITES.search(p)])
def test_a_door_reads_through_selectors_and_writes_through_services(path: str) -> None:
    assert ".objects" not in (ROOT / path).read_text()


@pytest.mark.parametrize("path", sources("apps", "carbon_platform"))
def test_the_product_knows_nothing_of_the_developers_machine(path: str) -> None:
    text = (ROOT / path).read_text()

    assert not re.search(r"^\s*(from|import) (devstack|tests)\b", text, re.MULTILINE)


def test_every_path_of_the_api_is_in_the_document() -> None:
    prefix = "api/v1/"
    known = set(document()["paths"])

    unknown = {
        route
        for route in (
            re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", found.removeprefix(prefix))
            for found in routes(get_resolver().url_patterns)
            if found.startswith(prefix)
        )
        if f"/{route}" not in known
    }

    assert unknown == UNDESCRIBED


def test_no_path_of_the_api_ends_with_a_slash() -> None:
    assert not [path for path in document()["paths"] if path.endswith("/")]
