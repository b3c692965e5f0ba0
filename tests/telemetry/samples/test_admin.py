"""What an operator sees of samples: everything, and nothing to change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.telemetry.models import UsageSample, UsageSampleRollup
from tests.telemetry.samples.published import EXAMPLE

MARKUP = "<script>alert(1)</script>"


@pytest.mark.parametrize("kind", [UsageSample, UsageSampleRollup])
def test_samples_and_their_sums_are_shown_and_cannot_be_changed(
    send: Callable[..., Any], kind: Any
) -> None:
    send(EXAMPLE | {"provider": MARKUP})
    operator = Client()
    operator.force_login(User.objects.create_superuser("operator"))
    one = kind.objects.get()
    base = f"/admin/telemetry/{kind._meta.model_name}/"

    for path in ("", f"{one.pk}/change/"):
        answer = operator.get(base + path)
        assert answer.status_code == 200
        assert MARKUP not in answer.content.decode()
    assert operator.get(f"{base}add/").status_code == 403
    assert operator.post(f"{base}{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert kind.objects.filter(pk=one.pk).exists()
