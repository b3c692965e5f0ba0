import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import storages
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from apps.common.storage import Artifact, DamagedArtifactError, read, store

DATA = b"%PDF- a receipt"
SHA256 = hashlib.sha256(DATA).hexdigest()
NAME = f"receipts/2026/rcp_1-{SHA256}.pdf"

KILLED_WHILE_WRITING = """
import os, signal, sys
from django.conf import settings
settings.configure(STORAGES={"artifacts": {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": sys.argv[1]},
}})
from apps.common.storage import store
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
store("receipts/2026/rcp_1.pdf", sys.argv[2].encode())
"""


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    use(settings, "django.core.files.storage.FileSystemStorage", location=str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=[True, False], ids=["overwriting client", "renaming client"])
def bucket(request: pytest.FixtureRequest, s3_url: str, settings: Settings) -> Any:
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.resource("s3", endpoint_url=s3_url, region_name="us-east-1", **access)
    bucket = client.create_bucket(Bucket="artifacts")
    bucket.objects.all().delete()
    use(
        settings,
        "storages.backends.s3.S3Storage",
        bucket_name="artifacts",
        endpoint_url=s3_url,
        region_name="us-east-1",
        access_key="test",
        secret_key="test",
        file_overwrite=request.param,
    )
    return bucket


def use(settings: Settings, backend: str, **options: Any) -> None:
    artifacts = {"BACKEND": backend, "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "artifacts": artifacts}


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_artifact_is_stored_under_its_hash_and_read_again(folder: Path) -> None:
    artifact = store("receipts/2026/rcp_1.pdf", DATA)

    assert artifact == Artifact(NAME, SHA256, len(DATA))
    assert read(NAME) == DATA
    assert files_of(folder) == [NAME]


def test_storing_the_same_twice_changes_nothing(folder: Path) -> None:
    first = store("receipts/2026/rcp_1.pdf", DATA)
    before = (folder / NAME).stat()

    assert store("receipts/2026/rcp_1.pdf", DATA) == first
    assert (folder / NAME).stat().st_mtime_ns == before.st_mtime_ns
    assert files_of(folder) == [NAME]


@pytest.mark.usefixtures("folder")
def test_other_bytes_get_another_name() -> None:
    first = store("pack.zip", b"one")
    second = store("pack.zip", b"two")

    assert first.name != second.name
    assert (read(first.name), read(second.name)) == (b"one", b"two")


def test_the_web_server_may_read_what_a_worker_wrote(folder: Path) -> None:
    store("receipts/2026/rcp_1.pdf", DATA)

    assert (folder / NAME).stat().st_mode & 0o777 == 0o644


def test_a_damaged_artifact_is_neither_read_nor_overwritten(folder: Path) -> None:
    store("receipts/2026/rcp_1.pdf", DATA)
    (folder / NAME).write_bytes(b"damaged")

    with pytest.raises(DamagedArtifactError):
        read(NAME)
    with pytest.raises(DamagedArtifactError):
        store("receipts/2026/rcp_1.pdf", DATA)
    assert (folder / NAME).read_bytes() == b"damaged"


def test_a_process_killed_while_writing_leaves_no_half_artifact(folder: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, str(folder), DATA.decode()],
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert NAME not in files_of(folder)
    assert store("receipts/2026/rcp_1.pdf", DATA).name == NAME
    assert read(NAME) == DATA


def test_a_file_that_appears_meanwhile_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def someone_is_quicker(draft: str, target: Path) -> None:
        target.write_bytes(DATA)
        link(draft, target)

    monkeypatch.setattr(os, "link", someone_is_quicker)

    assert store("receipts/2026/rcp_1.pdf", DATA).name == NAME
    assert files_of(folder) == [NAME]


@pytest.mark.parametrize("name", ["../outside.pdf", "/etc/outside.pdf", "a/../../b", "", "a/."])
def test_a_name_that_leaves_the_store_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        store(name, DATA)
    assert files_of(folder) == []


@pytest.mark.usefixtures("folder")
def test_what_was_never_stored_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        read(NAME)
    with pytest.raises(ValueError, match="not the name"):
        read("receipts/2026/rcp_1.pdf")


def test_an_object_store_keeps_an_artifact_once(bucket: Any) -> None:
    first = store("receipts/2026/rcp_1.pdf", DATA)

    assert store("receipts/2026/rcp_1.pdf", DATA) == first == Artifact(NAME, SHA256, len(DATA))
    assert read(NAME) == DATA
    assert [item.key for item in bucket.objects.all()] == [NAME]


def test_an_object_that_was_changed_is_noticed(bucket: Any) -> None:
    bucket.put_object(Key=NAME, Body=b"damaged")

    with pytest.raises(DamagedArtifactError):
        store("receipts/2026/rcp_1.pdf", DATA)
    with pytest.raises(DamagedArtifactError):
        read(NAME)


def test_an_object_that_was_never_stored_is_not_found(bucket: Any) -> None:
    assert list(bucket.objects.all()) == []

    with pytest.raises(FileNotFoundError):
        read(NAME)


def test_an_object_that_appears_meanwhile_is_not_stored_under_a_second_name(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = storages["artifacts"]
    exists = storage.exists
    answers = iter([False])

    def looked_too_early(name: str) -> bool:
        answer = next(answers, None)
        if answer is None:
            return exists(name)
        bucket.put_object(Key=NAME, Body=DATA)
        return answer

    monkeypatch.setattr(storage, "exists", looked_too_early)

    assert store("receipts/2026/rcp_1.pdf", DATA).name == NAME
    assert [item.key for item in bucket.objects.all()] == [NAME]
