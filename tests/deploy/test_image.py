"""The image holds the product and nothing else, and does not run as root."""

import re

import pytest

from devstack import places, programs

DOCKERFILE = (places.ROOT / "Dockerfile").read_text()
LET_IN = [
    line.removeprefix("!")
    for line in (places.ROOT / ".dockerignore").read_text().splitlines()
    if line.startswith("!")
]


def test_only_what_is_named_gets_into_the_image() -> None:
    lines = (places.ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line and not line.startswith("#")) == "*"
    assert not {"devstack", "tests", "scripts", "benchmarks", ".env"} & set(LET_IN)
    assert all((places.ROOT / name).exists() for name in LET_IN)


@pytest.mark.parametrize("name", LET_IN)
def test_nothing_in_the_image_imports_what_is_not(name: str) -> None:
    files = [places.ROOT / name, *(places.ROOT / name).rglob("*.py")]
    foreign = re.compile(r"^\s*(from|import) (devstack|tests|benchmarks)\b", re.MULTILINE)
    assert not [file for file in files if file.suffix == ".py" and foreign.search(file.read_text())]


def test_the_last_user_is_a_number_other_than_root() -> None:
    user = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_packages_are_installed_with_their_hashes_and_without_those_of_developers() -> None:
    assert "--require-hashes -r requirements.txt" in DOCKERFILE
    assert "requirements-dev" not in DOCKERFILE


def test_no_secret_is_kept_in_a_layer() -> None:
    for instruction in re.findall(r"^(?:ENV|ARG) .*(?:\\\n.*)*", DOCKERFILE, re.MULTILINE):
        assert not re.search(r"SECRET|PASSWORD|_KEY", instruction)


def test_gunicorn_is_started_as_it_is_on_a_developers_machine() -> None:
    ours = set(re.findall(r'"([^"]+)"', DOCKERFILE[DOCKERFILE.rindex("CMD [") :]))
    assert {"--preload", "--no-control-socket", "gthread"} <= ours & set(programs.web(8000))
