"""POST /workspaces/{id}/usage-samples: the published figures, and what is refused."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.telemetry.models import UsageSample, UsageSampleRollup
from apps.workspaces.models import Workspace
from tests.factories import new_key
from tests.telemetry.samples.conftest import samples_of
from tests.telemetry.samples.published import CASES, EXAMPLE, LOOKED_UP, Case

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]


@pytest.mark.parametrize("case", CASES)
def test_the_published_cases_come_out_to_the_last_digit(send: Send, case: Case) -> None:
    asked = {
        "resource_type": case.resource_type,
        "usage_amount": case.usage_amount,
        "usage_unit": case.usage_unit,
        "carbon_intensity_grams_co2e_per_kwh": case.intensity,
    }

    answer = send(EXAMPLE | asked)

    body = answer.json()
    assert answer.status_code == 201
    assert body["normalized_usage_amount"] == case.normalized
    assert body["energy_kwh"] == case.energy_kwh
    assert body["estimated_grams_co2e"] == case.grams
    assert body["factor_source"] == "demo-static-v1"


def test_a_number_is_as_good_as_a_text(send: Send) -> None:
    body = send(EXAMPLE | {"usage_amount": 10.5, "carbon_intensity_grams_co2e_per_kwh": 400}).json()

    assert (body["usage_amount"], body["estimated_grams_co2e"]) == ("10.500000", "210.0000")


def test_texts_are_trimmed(send: Send) -> None:
    body = send(EXAMPLE | {"provider": " aws ", "region": "\tx\n", "external_id": " a "}).json()

    assert (body["provider"], body["region"], body["external_id"]) == ("aws", "x", "a")


def test_a_moment_is_kept_in_utc(send: Send) -> None:
    body = send(EXAMPLE | {"measured_at": "2026-01-01T12:00:00+05:30"}).json()

    assert body["measured_at"] == "2026-01-01T06:30:00Z"


def test_the_set_with_sources_has_pue_manufacture_and_bounds(send: Send) -> None:
    body = send(EXAMPLE | {"provider": "AWS", "factor_set": "compute-2026.11.1"}).json()

    assert body["factor_source"] == "compute-2026.11.1"
    assert body["pue"] == {"low": "1.07", "central": "1.135", "high": "1.46"}
    assert body["energy_kwh"] == "0.024062"  # 10 h x 2.12 W x 1.135
    assert body["energy_kwh_bounds"] == {
        "low": "0.007918",
        "central": "0.024062",
        "high": "0.0990464",
    }
    assert body["operational_co2e_grams"]["central"] == "9.6248"
    assert body["embodied_co2e_grams"]["central"] == "3.27007"
    assert body["estimated_grams_co2e"] == "12.8949"
    assert body["co2e_grams"]["central"] == "12.89487"
    assert body["intensity_source"] == "given by the caller"
    assert body["intensity_is_estimate"] is False


def test_an_intensity_that_is_left_out_is_looked_up(send: Send) -> None:
    body = send(LOOKED_UP).json()

    assert body["factor_source"] == "compute-2026.11.1"
    assert body["carbon_intensity_grams_co2e_per_kwh"] == "301.0000"
    assert body["intensity_source"] == "Electricity Maps, IE, the mean of 2025, estimated"
    assert body["intensity_is_estimate"] is True
    assert body["energy_kwh"] == "0.024062"


def test_the_demonstration_factors_can_be_had_with_an_intensity_that_is_looked_up(
    send: Send,
) -> None:
    body = send(LOOKED_UP | {"factor_set": "demo-static-v1"}).json()

    assert (body["factor_source"], body["energy_kwh"]) == ("demo-static-v1", "0.500000")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"region": "atlantis-1"}, "region"), ({"provider": "nobody"}, "provider")],
)
def test_an_unknown_place_needs_an_intensity(
    send: Send, changes: dict[str, str], field: str
) -> None:
    answer = send(LOOKED_UP | changes)

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == [field]
    assert not UsageSample.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"usage_amount": "0"}, "usage_amount"),
        ({"usage_amount": "-1"}, "usage_amount"),
        ({"usage_amount": "NaN"}, "usage_amount"),
        ({"usage_amount": "sNaN"}, "usage_amount"),
        ({"usage_amount": "Infinity"}, "usage_amount"),
        ({"usage_amount": "ten"}, "usage_amount"),
        ({"usage_amount": True}, "usage_amount"),
        ({"usage_amount": None}, "usage_amount"),
        ({"usage_amount": "1000000000000"}, "usage_amount"),
        ({"usage_amount": "0.0000001"}, "usage_amount"),
        ({"usage_amount": "1e-9999999"}, "usage_amount"),
        ({"usage_amount": "1e9999999"}, "usage_amount"),
        ({"usage_amount": "1.0000000000000000000000000001"}, "usage_amount"),
        ({"usage_amount": "123456789012345678901234567890"}, "usage_amount"),
        ({"carbon_intensity_grams_co2e_per_kwh": "-0.0001"}, "carbon_intensity_grams_co2e_per_kwh"),
        ({"carbon_intensity_grams_co2e_per_kwh": "1e8"}, "carbon_intensity_grams_co2e_per_kwh"),
        ({"carbon_intensity_grams_co2e_per_kwh": "1.00001"}, "carbon_intensity_grams_co2e_per_kwh"),
        ({"usage_unit": "gb"}, "usage_unit"),
        ({"usage_unit": "furlong"}, "usage_unit"),
        ({"resource_type": "gpu"}, "resource_type"),
        ({"measured_at": "2026-01-01T12:00:00"}, "measured_at"),
        ({"measured_at": "2026-01-01"}, "measured_at"),
        ({"measured_at": 1767268800}, "measured_at"),
        ({"measured_at": "0001-01-01T00:00:00+14:00"}, "measured_at"),
        ({"measured_at": "1969-12-31T23:59:59Z"}, "measured_at"),
        ({"provider": " "}, "provider"),
        ({"provider": "x" * 65}, "provider"),
        ({"region": ""}, "region"),
        ({"region": 7}, "region"),
        ({"external_id": " "}, "external_id"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"factor_set": "demo-static-v2"}, "factor_set"),
        ({"colour": "green"}, ""),
        ({"region": "a\0b"}, ""),
    ],
)
def test_a_bad_sample_is_refused_and_nothing_is_stored(
    send: Send, changes: dict[str, Any], field: str
) -> None:
    answer = send(EXAMPLE | changes)

    error = answer.json()["error"]
    assert answer.status_code == 422
    assert error["code"] == "validation_error"
    assert not field or list(error["details"]["fields"]) == [field]
    assert not UsageSample.objects.exists()
    assert not UsageSampleRollup.objects.exists()


@pytest.mark.parametrize("missing", sorted(set(EXAMPLE) - {"carbon_intensity_grams_co2e_per_kwh"}))
def test_every_published_field_but_the_intensity_is_required(send: Send, missing: str) -> None:
    answer = send({name: value for name, value in EXAMPLE.items() if name != missing})

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == [missing]


@pytest.mark.parametrize("body", [" ", "{", "[]", "[", "[1 2]", "null", '"text"', "7", "\xff"])
def test_a_body_that_is_no_sample_is_refused(program: Any, workspace: Workspace, body: str) -> None:
    answer = program.generic("POST", samples_of(workspace), body.encode("latin-1"))

    assert answer.status_code == 422
    assert not UsageSample.objects.exists()


def test_a_member_twice_is_refused(program: Any, workspace: Workspace) -> None:
    body = b'[{"provider": "a", "provider": "b"}]'

    assert program.generic("POST", samples_of(workspace), body).status_code == 422


def test_a_number_of_thirty_digits_is_not_rounded_but_refused(
    program: Any, workspace: Workspace
) -> None:
    body = str(EXAMPLE).replace("'", '"').replace('"10"', "10.0000000000000000000000000001")

    answer = program.generic("POST", samples_of(workspace), body.encode())

    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == ["usage_amount"]


def test_the_largest_sample_fits(send: Send) -> None:
    largest = EXAMPLE | {
        "resource_type": "network",
        "usage_unit": "tb",
        "usage_amount": "999999999999.999999",
        "carbon_intensity_grams_co2e_per_kwh": "99999999.9999",
        "factor_set": "compute-2026.11.1",
    }

    body = send(largest).json()

    assert body["normalized_usage_amount"] == "1023999999999999.998976"
    assert body["energy_kwh"] == "1279999999999.999999"
    assert UsageSampleRollup.objects.get().energy_kwh == Decimal("1279999999999.99999872")


def test_a_wrong_content_type_or_too_much_is_told(program: Any, workspace: Workspace) -> None:
    url = samples_of(workspace)

    assert program.generic("POST", url, b"{}", content_type="text/plain").status_code == 415
    assert program.generic("POST", url, b" " * (8 * 1024 * 1024 + 1)).status_code == 413


def test_samples_of_another_workspace_are_not_found(program: Any, theirs: Workspace) -> None:
    url = samples_of(theirs)

    assert program.post(url, EXAMPLE).status_code == 404
    assert program.get(url).status_code == 404
    assert program.get(f"/api/v1/workspaces/{theirs.public_id}/reports/summary").status_code == 404
    assert not UsageSample.objects.exists()


def test_only_a_key_that_may_track_sends(api: Callable[..., Any], workspace: Workspace) -> None:
    url = samples_of(workspace)

    assert api().post(url, EXAMPLE).status_code == 401
    assert api(new_key(workspace, scopes=("read",))).post(url, EXAMPLE).status_code == 403
    assert api(new_key(workspace, scopes=("track",))).post(url, EXAMPLE).status_code == 201


def test_samples_are_listed_page_by_page_as_they_were_answered(
    send: Send, program: Any, workspace: Workspace
) -> None:
    moments = [f"2026-01-01T12:0{minute}:00Z" for minute in range(3)]
    sent = [send(EXAMPLE | {"measured_at": moment}).json() for moment in moments]

    first = program.get(f"{samples_of(workspace)}?limit=2").json()
    second = program.get(first["next"]).json()

    assert first["results"] == [sent[2], sent[1]]
    assert second["results"] == [sent[0]]
    assert second["next"] is None


def test_a_test_key_marks_its_samples(
    api: Callable[..., Any], program: Any, workspace: Workspace
) -> None:
    url = samples_of(workspace)

    body = api(new_key(workspace, mode="test")).post(url, EXAMPLE).json()

    assert body["is_test"] is True
    assert program.get(url).json()["results"] == []
    assert program.get(f"{url}?include_test=true").json()["results"] == [body]
