"""The documentation points at what exists, names what there is, and claims nothing it must not."""

import re
from pathlib import Path

import pytest

from carbon_platform.celery import BEAT
from devstack import places

PAGES = [
    *(places.ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((places.ROOT / "docs").glob("*.md")),
]
LONGEST = 120
LONGEST_OF = {"methodology.md": 350}  # one page that an auditor reads from end to end
BANNED = (
    *("carbon neutral", "climate neutral", "net zero", "net-zero", "zero emission"),
    *("climate positive", "eco-friendly", "green ai"),
)
_LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
_PATH = re.compile(
    r"`((?:apps|carbon_platform|devstack|deploy|scripts|static|tests|requirements)/[\w./-]+)`"
)


def _text(name: str) -> str:
    return (places.ROOT / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_named_file_exists(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    missing += [path for path in _PATH.findall(text) if not (places.ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_is_long_or_claims_what_the_law_forbids(page: Path) -> None:
    text = page.read_text().lower()
    assert len(text.splitlines()) <= LONGEST_OF.get(page.name, LONGEST)
    assert not [claim for claim in BANNED if claim in text]


@pytest.mark.parametrize("inputs", ["app.in", "dev.in"])
def test_every_dependency_has_its_reason(inputs: str) -> None:
    lines = _text(f"requirements/{inputs}").splitlines()
    names = [re.split(r"[~=\[<>]", line)[0] for line in lines if re.match(r"[A-Za-z]", line)]
    page = _text("docs/dependencies.md")
    assert not [name for name in names if f"| {name} |" not in page]


@pytest.mark.parametrize("task", BEAT)
def test_the_operator_is_told_what_each_tick_does(task: str) -> None:
    assert f"| `{task.rpartition('.')[2]}` |" in _text("docs/operations.md")


def test_every_command_that_a_page_names_exists() -> None:
    commands = {
        file.stem
        for folder in ("apps", "carbon_platform")
        for file in (places.ROOT / folder).rglob("management/commands/*.py")
    } | {"check", "migrate"}
    named = {
        name for page in PAGES for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text())
    }
    assert named <= commands


def test_every_verb_of_make_that_a_page_names_exists() -> None:
    verbs = set(re.findall(r"^([a-z0-9-]+):", _text("Makefile"), re.MULTILINE))
    named = {verb for page in PAGES for verb in re.findall(r"`make ([a-z0-9-]+)", page.read_text())}
    assert named <= verbs


def test_the_licence_is_whole() -> None:
    text = _text("LICENSE")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
