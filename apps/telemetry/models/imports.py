"""A billing export that was imported: how far, and what of it was not understood."""

from typing import ClassVar

from django.db import models

from apps.common.ids import public_id
from apps.workspaces.models import Workspace


def _import_id() -> str:
    return public_id("imp")


class UsageImport(models.Model):
    """One file of billed usage, known by its content.

    `lines_done` moves in the transaction that stores the samples of those lines, so that an import
    that was broken off goes on where it stopped, as long as the `rules` are the same. `tally`
    counts the lines that are no samples by the reason, and sums the samples by what they measure.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_import_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=255)
    sha256 = models.BinaryField(max_length=32)
    format = models.CharField(max_length=32)
    rules = models.CharField(max_length=32)
    lines_done = models.BigIntegerField(default=0)
    samples_stored = models.BigIntegerField(default=0)
    samples_known = models.BigIntegerField(default=0)
    samples_changed = models.BigIntegerField(default=0)
    lines_without_usage = models.BigIntegerField(default=0)
    lines_not_understood = models.BigIntegerField(default=0)
    tally = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="import_file_once"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.format})"
