"""Alerts by email: what they say, and what becomes of a mail server that fails."""

import logging
import smtplib
from typing import Any

import pytest
from django.core import mail

from apps.telemetry.models import AlertDelivery
from apps.telemetry.selectors.budgets import due_delivery_ids
from apps.telemetry.services.alert_delivery import WAITS, deliver
from apps.telemetry.services.budget_alerts import check_budgets
from apps.workspaces.models import Workspace
from devstack.ports import any_free
from tests.factories import ProjectFactory
from tests.telemetry.budgets.keeping import NOW, URL, compute, kept, use

pytestmark = pytest.mark.usefixtures("at_half_past_ten")


def deliver_all() -> None:
    check_budgets(now=NOW)
    for delivery_id in due_delivery_ids(NOW):
        deliver(delivery_id, now=NOW, clock=lambda: NOW)


def test_each_recipient_gets_a_mail_with_the_figures_in_a_unit_that_fits(
    client: Any, workspace: Workspace
) -> None:
    people = ["a@example.com", "b@example.com"]
    kept(client, monthly_amount=12_500, thresholds=[80], emails=people)
    use(workspace, 9000)
    compute(workspace, 1123)

    deliver_all()

    assert [one.to for one in mail.outbox] == [["a@example.com"], ["b@example.com"]]
    sent = mail.outbox[0]
    for told in ("Inference", "80 %", "November 2026", "10.1 kg CO2e", "12.5 kg CO2e"):
        assert told in sent.subject
    for told in ("Inference", "80 %", "81.0 %", "10.1 kg CO2e", "Mine", "18 November 2026, 10:30"):
        assert told in sent.body
    assert "http://testserver/dashboard/budgets/" in sent.body
    assert {one.state for one in AlertDelivery.objects.all()} == {"delivered"}


def test_energy_of_a_project_is_told_in_kilowatt_hours_with_its_name(
    client: Any, workspace: Workspace
) -> None:
    project = ProjectFactory.create(workspace=workspace, name="R&D <7>")
    kept(
        client,
        name="Plan & <b>",
        unit="energy_kwh",
        monthly_amount="0.5",
        thresholds=[100],
        project_id=str(project.public_id),
    )
    use(workspace, 0, kwh="0.75", project=project)

    deliver_all()

    (sent,) = mail.outbox
    assert "750 Wh of 500 Wh" in sent.subject
    assert sent.subject.startswith("Plan & <b>:")
    assert "R&D <7>" in sent.body
    assert "&amp;" not in sent.body


def test_every_mail_has_an_id_that_is_its_deliverys_and_says_that_a_machine_wrote_it(
    client: Any, workspace: Workspace
) -> None:
    kept(client, thresholds=[80])
    use(workspace, 900)

    deliver_all()

    (headers,) = [one.message() for one in mail.outbox]
    assert headers["Message-ID"] == f"<{AlertDelivery.objects.get().public_id}@testserver>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (smtplib.SMTPDataError(451, b"later, a@example.com"), "answered 451"),
        (smtplib.SMTPRecipientsRefused({"ops@example.com": (550, b"no")}), "refused the recipient"),
        (smtplib.SMTPServerDisconnected("gone"), "SMTPServerDisconnected"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_mail_server_that_fails_is_asked_again(
    client: Any,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    said: str,
) -> None:
    def refuse(*_: object) -> int:
        raise fault

    kept(client, thresholds=[80])
    use(workspace, 900)
    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        deliver_all()

    delivery = AlertDelivery.objects.get()
    assert said in delivery.last_error
    assert "example.com" not in delivery.last_error
    assert delivery.next_attempt_at == NOW + WAITS[0]

    deliver(delivery.pk, now=NOW + WAITS[0], clock=lambda: NOW)

    assert len(mail.outbox) == 1


def test_no_mail_server_at_all_is_a_failure_like_others(
    client: Any, workspace: Workspace, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", any_free()
    body = kept(client, thresholds=[80])
    use(workspace, 900)

    caplog.set_level(logging.DEBUG)

    deliver_all()

    (shown,) = client.get(f"{URL}/{body['id']}").json()["alerts"][0]["deliveries"]
    assert (shown["state"], shown["attempts"]) == ("waiting", 1)
    assert "ConnectionRefusedError" in shown["last_error"]
    assert "alert_put_off" in caplog.text
    assert "ops@example.com" not in caplog.text


def test_who_was_taken_off_the_list_gets_no_mail(client: Any, workspace: Workspace) -> None:
    body = kept(client, thresholds=[80], emails=["a@example.com", "b@example.com"])
    use(workspace, 900)
    check_budgets(now=NOW)

    client.patch(f"{URL}/{body['id']}", {"emails": ["b@example.com"]})
    deliver_all()

    assert [one.to for one in mail.outbox] == [["b@example.com"]]
