"""The two things an operator types in: a file of credits, and a registry's confirmation."""

from django import forms

from apps.billing.services.retirements import SHA256


class LoadCreditsForm(forms.Form):
    file = forms.FileField(help_text="CSV with the columns of docs/examples/credits.csv")
    is_dry_run = forms.BooleanField(required=False, label="Only check, load nothing")


class ConfirmRetirementForm(forms.Form):
    retirement_id = forms.CharField(max_length=120, label="The registry's retirement id")
    retired_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    registry_url = forms.URLField(
        max_length=500, assume_scheme="https", label="Public page of the retirement"
    )
    evidence_sha256 = forms.RegexField(
        SHA256, label="SHA-256 of the stored certificate", help_text="64 lower-case hex digits"
    )
