"""What was used, and what it costs the air: connections, events, the ledger and its hourly sums."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.common.ids import public_id
from apps.emissions.models import FactorSet
from apps.workspaces.models import Project, Workspace

ENERGY_PLACES = 15
"""A single output token of a small model is about 4e-8 kWh: 15 places keep seven digits of it."""
MASS_PLACES = 12
"""Grams and litres alike: the same token is about 2e-5 g."""


def _connection_id() -> str:
    return public_id("con")


def energy_column() -> models.DecimalField:
    """Kilowatt-hours, exact to a femto-kWh."""
    return models.DecimalField(max_digits=36, decimal_places=ENERGY_PLACES)


def mass_column() -> models.DecimalField:
    """Grams of CO2e (or litres of water), exact to a pico-unit."""
    return models.DecimalField(max_digits=36, decimal_places=MASS_PLACES)


def count_column() -> models.DecimalField:
    """A whole number whose sums may need more than 64 bits."""
    return models.DecimalField(max_digits=30, decimal_places=0)


class Quantities(models.Model):
    """The summable columns that entries and rollups share: tokens, energy, mass, water, with bounds.

    In an entry each is a difference and may be negative; in a rollup each is a sum.
    """

    input_uncached_tokens = count_column()
    input_cache_read_tokens = count_column()
    input_cache_write_tokens = count_column()
    output_tokens = count_column()
    requests = models.DecimalField(
        max_digits=30, decimal_places=0, null=True
    )  # not every provider counts them
    energy_kwh_low = energy_column()
    energy_kwh = energy_column()
    energy_kwh_high = energy_column()
    operational_co2e_grams_low = mass_column()
    operational_co2e_grams = mass_column()
    operational_co2e_grams_high = mass_column()
    embodied_co2e_grams_low = mass_column()
    embodied_co2e_grams = mass_column()
    embodied_co2e_grams_high = mass_column()
    co2e_grams_low = mass_column()
    co2e_grams = mass_column()
    co2e_grams_high = mass_column()
    water_litres_low = mass_column()
    water_litres = mass_column()
    water_litres_high = mass_column()

    class Meta:
        abstract = True


class ProviderConnection(models.Model):
    """One AI provider account of a workspace, and how its meter is read."""

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        ANTHROPIC = "anthropic", "Anthropic"
        OPENROUTER = "openrouter", "OpenRouter"

    class Status(models.TextChoices):
        ACTIVE = "active"
        ERROR = "error"
        PAUSED = "paused"
        REVOKED = "revoked"

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_connection_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=32, choices=Provider)
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    account_ref = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - unknown is not ""
    account_name = models.CharField(max_length=200, blank=True)
    is_simulated = models.BooleanField(default=False)
    key_hint = models.CharField(max_length=4, blank=True)
    sealed_key = models.JSONField(null=True, blank=True, editable=False)
    failure_kind = models.CharField(max_length=32, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    last_succeeded_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "id"], name="connection_in_workspace"),
            models.UniqueConstraint(
                fields=["workspace", "provider", "account_ref"],
                condition=~Q(status="revoked"),
                name="connection_account_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "error", "paused", "revoked"]),
                name="connection_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="revoked") | Q(sealed_key__isnull=True),
                name="connection_revoked_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()}: {self.name}"


class Workload(models.Model):
    """Routes a connection's events to a project. A connection has exactly one active workload."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="workloads", db_constraint=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="workloads", db_constraint=False
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(is_active=True), name="workload_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} to {self.project}"


class SyncCursor(models.Model):
    """Up to where one source of a connection has been read completely."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="cursors", db_constraint=False
    )
    source = models.CharField(max_length=64)
    complete_until = models.DateTimeField()
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "source"], name="cursor_per_source"),
        ]

    def __str__(self) -> str:
        return f"{self.source} until {self.complete_until:%Y-%m-%d %H:%M}"


class MeteredBucket(models.Model):
    """The last reading of one bucket: when, whether it was complete, and a digest of its rows.

    An unchanged digest means that a later reading writes nothing. A bucket without usage has a row
    here and none among the events, which is how "read and empty" differs from "never read".
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="buckets", db_constraint=False
    )
    source = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    rows = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)
    is_provisional = models.BooleanField()
    quarantined = models.JSONField(default=list)
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "source", "starts_at"], name="bucket_read_once"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="bucket_has_width"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.starts_at:%Y-%m-%d %H:%M}"


class TelemetryEvent(models.Model):
    """One metered fact about tokens, as last known.

    Identified by what the provider grouped by, never by counts, which providers revise. The hash,
    the time and the model never change (a trigger refuses); a row that a provider has withdrawn
    stays with zero counts.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        related_name="events",
        db_constraint=False,
    )
    idempotency_hash = models.BinaryField(max_length=32)
    source = models.CharField(max_length=64)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001 - the provider named none
    used_at = models.DateTimeField()
    used_until = models.DateTimeField()
    dims = models.JSONField(default=dict)
    input_uncached_tokens = models.BigIntegerField()
    input_cache_read_tokens = models.BigIntegerField()
    input_cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    is_cache_read_known = models.BooleanField(default=True)
    is_byok = models.BooleanField(default=False)
    is_provisional = models.BooleanField(default=False)
    is_withdrawn = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
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
        ]

    def __str__(self) -> str:
        return f"{self.model or 'unnamed model'} at {self.used_at:%Y-%m-%d %H:%M}"

    @property
    def public_id(self) -> str:
        """The identity hash is random to an outsider and unique, so it serves as the outside name."""
        return f"evt_{bytes(self.idempotency_hash).hex()}"


class CarbonEntry(Quantities):
    """One line of the ledger: what a fact costs the air, or the difference when it was revised.

    Append-only. `calculation` is the whole calculation after this line (inputs, factors, results),
    and the database refuses a line after which the event's lines do not sum to it.
    """

    class Reason(models.TextChoices):
        MEASURED = "measured"
        REVISED = "revised"
        WITHDRAWN = "withdrawn"
        RECALCULATED = "recalculated"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    event = models.ForeignKey(
        TelemetryEvent, on_delete=models.PROTECT, related_name="entries", db_constraint=False
    )
    sequence = models.PositiveIntegerField()
    reason = models.CharField(max_length=16, choices=Reason)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001 - the provider named none
    is_test = models.BooleanField()
    used_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    factor_set = models.ForeignKey(FactorSet, on_delete=models.PROTECT, related_name="+")
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


class Rollup(Quantities):
    """The hourly sums of entries that every dashboard, report and bill reads.

    Written by a trigger on the entries alone; nothing else may write here.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    connection = models.ForeignKey(
        ProviderConnection,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200, null=True)  # noqa: DJ001 - the provider named none
    is_test = models.BooleanField()
    entries = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=[
                    "workspace",
                    "hour",
                    "project",
                    "connection",
                    "provider",
                    "model",
                    "is_test",
                ],
                name="rollup_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.model or 'unnamed model'}"


class PollRun(models.Model):
    """One attempt to read a connection's meter: the journal that a person reads when it fails."""

    class Outcome(models.TextChoices):
        RECORDED = "recorded"
        UNCHANGED = "unchanged"
        BUSY = "busy"
        REFUSED = "refused"

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, related_name="polls", db_constraint=False
    )
    source = models.CharField(max_length=64)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome)
    rows_read = models.PositiveIntegerField(default=0)
    rows_changed = models.PositiveIntegerField(default=0)
    rows_withdrawn = models.PositiveIntegerField(default=0)
    failure_kind = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["connection", "-started_at"], name="poll_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.outcome} {self.started_at:%Y-%m-%d %H:%M}"
