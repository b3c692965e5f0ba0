"""What the import contracts cannot see: sizes, thin doors, and documents for every path."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

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


def those(paths: list[str], is_odd: Callable[[str], object]) -> list[str]:
    """The files of which the text is odd."""
    return [path for path in paths if is_odd((ROOT / path).read_text())]


def test_files_are_short() -> None:
    found = sources(*PRODUCT, "tests")

    long = those(found, lambda text: len(text.splitlines()) > MOST_LINES)

    assert len(found) > 500
    assert set(long) == set(LONGER_FOR_A_REASON)


def test_files_begin_by_saying_what_they_are_about() -> None:
    assert not those(sources(*PRODUCT), lambda text: text and not text.startswith(('"""', "#!")))


def test_doors_read_through_selectors_and_write_through_services() -> None:
    doors = [path for path in sources("apps") if not READS_AND_WRITES.search(path)]

    assert not those(doors, lambda text: ".objects" in text)


def test_the_product_knows_nothing_of_the_developers_machine() -> None:
    foreign = re.compile(r"^\s*(from|import) (devstack|tests)\b", re.MULTILINE)

    assert not those(sources("apps", "carbon_platform"), foreign.search)


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
