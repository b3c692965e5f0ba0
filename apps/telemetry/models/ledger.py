"""The ledger: what was metered, what it costs the air, and the hourly sums of that.

References have no indexes of their own here: the named ones below begin with what is asked for, and
each further one costs every row that is written.
"""

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from apps.emissions.models import FactorSet
from apps.telemetry.models.connections import ProviderConnection
from apps.telemetry.models.quantities import Quantities, cost_column
from apps.telemetry.models.signals import SignalGroup
from apps.workspaces.models import Project, Workspace


class TelemetryEvent(models.Model):
    """One metered fact about tokens, as last known.

    Identified by what the provider grouped by, never by counts, which providers revise. The hash,
    the time and the model never change (a trigger refuses); a row that a provider has withdrawn
    stays with zero counts, and one that a better report of the same use replaces stays with its
    counts but is not counted. `customer` and `session_id` are the caller's labels; of a developer
    a keyed hash is kept and no name.
    """

    id = models.BigAutoField(primary_key=True)
    # Checked with the project, which is of this workspace: one check a row, not two.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    idempotency_hash = models.BinaryField(max_length=32)
    source = models.CharField(max_length=64)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001 - the provider named none
    used_at = models.DateTimeField()
    used_until = models.DateTimeField()
    region = models.CharField(max_length=64, null=True)  # noqa: DJ001 - nobody said where it ran
    dims = models.JSONField(default=dict)
    input_uncached_tokens = models.BigIntegerField()
    input_cache_read_tokens = models.BigIntegerField()
    input_cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    cost_usd = cost_column()
    is_cache_read_known = models.BooleanField(default=True)
    is_byok = models.BooleanField(default=False)
    is_provisional = models.BooleanField(default=False)
    is_withdrawn = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
    is_counted = models.BooleanField(default=True)
    customer = models.CharField(max_length=200, null=True)  # noqa: DJ001 - nobody named one
    session_id = models.CharField(max_length=200, null=True)  # noqa: DJ001 - likewise
    developer = models.BinaryField(max_length=32, null=True)
    signal_group = models.ForeignKey(
        SignalGroup,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    signal_rank = models.PositiveSmallIntegerField(null=True)
    flags = models.JSONField(default=list)
    raw_payload = models.JSONField(null=True)
    observed_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "idempotency_hash"], name="event_unique_in_workspace"
            ),
            models.UniqueConstraint(fields=["workspace", "id"], name="event_in_workspace"),
            models.CheckConstraint(
                condition=Q(
                    input_uncached_tokens__gte=0,
                    input_cache_read_tokens__gte=0,
                    input_cache_write_tokens__gte=0,
                    output_tokens__gte=0,
                ),
                name="event_counts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(is_withdrawn=False)
                | Q(
                    input_uncached_tokens=0,
                    input_cache_read_tokens=0,
                    input_cache_write_tokens=0,
                    output_tokens=0,
                ),
                name="event_withdrawn_is_zero",
            ),
            models.CheckConstraint(condition=Q(used_until__gte=F("used_at")), name="event_span"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "source", "used_at"], name="event_by_bucket"),
            models.Index(fields=["workspace", "used_at"], name="event_by_time"),
            models.Index(
                fields=["workspace", "developer", "used_at"],
                condition=Q(developer__isnull=False),
                name="event_by_developer",
            ),
            models.Index(
                fields=["signal_group", "signal_rank"],
                condition=Q(signal_group__isnull=False, is_counted=True),
                name="event_by_signal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model or 'unnamed model'} at {self.used_at:%Y-%m-%d %H:%M}"

    @property
    def public_id(self) -> str:
        """Unique and random to an outsider, so the identity hash serves as the outside name."""
        return f"evt_{bytes(self.idempotency_hash).hex()}"


class Dimensions(models.Model):
    """By what entries and rollups are grouped. Their references are checked where an event is."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001 - the provider named none
    region = models.CharField(max_length=64, null=True)  # noqa: DJ001 - nobody said where it ran
    is_test = models.BooleanField()

    class Meta:
        abstract = True


class CarbonEntry(Dimensions, Quantities):
    """One line of the ledger: what a fact costs the air, or the difference when it was revised.

    Append-only. `calculation` is the whole calculation after this line (inputs, factors, results),
    and the database refuses a line after which the event's lines do not sum to it.
    """

    class Reason(models.TextChoices):
        MEASURED = "measured"
        REVISED = "revised"
        WITHDRAWN = "withdrawn"
        SUPERSEDED = "superseded"
        RECALCULATED = "recalculated"

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(
        TelemetryEvent,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    sequence = models.PositiveIntegerField()
    reason = models.CharField(max_length=16, choices=Reason)
    used_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    factor_set = models.ForeignKey(
        FactorSet, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    calculation = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "sequence"], name="entry_sequence"),
            models.UniqueConstraint(fields=["workspace", "id"], name="entry_in_workspace"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "used_at"], name="entry_by_time"),
        ]
        verbose_name_plural = "carbon entries"

    def __str__(self) -> str:
        return f"{self.reason} {self.co2e_grams} g"


GROUPED: Final = ("project", "connection", "provider", "model", "region", "is_test")
"""By what the sums of an hour, or of a day, stand apart."""


class Rollup(Dimensions, Quantities):
    """The hourly sums of entries that every dashboard, report and bill reads.

    Written by a trigger on the entries alone; nothing else may write here.
    """

    id = models.BigAutoField(primary_key=True)
    hour = models.DateTimeField()
    entries = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "hour", *GROUPED],
                name="rollup_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.model or 'unnamed model'}"


class DayRollup(Dimensions, Quantities):
    """The daily sums of the same entries (UTC): what a report over months reads.

    Written by the trigger that writes the hours; nothing else may write here.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.DateTimeField()
    entries = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "day", *GROUPED],
                name="day_rollup_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.model or 'unnamed model'}"
