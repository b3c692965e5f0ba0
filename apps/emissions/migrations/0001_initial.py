"""FactorSet, with the trigger that keeps a published one as it is, and GridSample."""

from django.db import migrations, models
from django.db.models import Q

KEEP_PUBLISHED = """
CREATE FUNCTION emissions_factorset_keep_published() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'factor set % is published and cannot be deleted', OLD.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    -- compared as text, so that not even 1.0 becomes 1
    IF (to_jsonb(NEW) - 'is_current')::text IS DISTINCT FROM (to_jsonb(OLD) - 'is_current')::text THEN
        RAISE EXCEPTION 'factor set % is published and cannot change', OLD.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER emissions_factorset_keep_published
BEFORE UPDATE OR DELETE ON emissions_factorset
FOR EACH ROW WHEN (OLD.status = 'published')
EXECUTE FUNCTION emissions_factorset_keep_published();
"""

DROP = """
DROP TRIGGER emissions_factorset_keep_published ON emissions_factorset;
DROP FUNCTION emissions_factorset_keep_published();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="FactorSet",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("version", models.CharField(max_length=40, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published")],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("is_current", models.BooleanField(default=False)),
                ("effective_from", models.DateField()),
                ("document", models.JSONField()),
                ("sha256", models.CharField(help_text="Of the document as canonical JSON.", max_length=64)),
                ("notes", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                ("published_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-effective_from", "-id"),
                "permissions": (("publish_factorset", "Can publish a factor set"),),
                "constraints": [
                    models.CheckConstraint(
                        name="emissions_factorset_status_known",
                        condition=Q(status__in=("draft", "published")),
                    ),
                    models.CheckConstraint(
                        name="emissions_factorset_current_is_published",
                        condition=Q(is_current=False) | Q(status="published"),
                    ),
                    models.CheckConstraint(
                        name="emissions_factorset_published_has_time",
                        condition=Q(status="draft", published_at__isnull=True)
                        | Q(status="published", published_at__isnull=False),
                    ),
                    models.UniqueConstraint(
                        name="emissions_factorset_one_current",
                        fields=("is_current",),
                        condition=Q(is_current=True),
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP_PUBLISHED, DROP),
        migrations.CreateModel(
            name="GridSample",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("zone", models.CharField(max_length=20)),
                ("at", models.DateTimeField(help_text="The beginning of the step.")),
                ("gco2e_per_kwh", models.FloatField()),
                ("source", models.CharField(max_length=30)),
                (
                    "emission_factor_type",
                    models.CharField(choices=[("lifecycle", "Life cycle"), ("direct", "Direct")], max_length=10),
                ),
                ("is_estimated", models.BooleanField()),
                ("estimation_method", models.CharField(max_length=60, null=True)),
                ("read_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("zone", "-at"),
                "constraints": [
                    models.UniqueConstraint(
                        name="emissions_gridsample_one_per_step",
                        fields=("zone", "at", "source", "emission_factor_type"),
                    ),
                    models.CheckConstraint(
                        name="emissions_gridsample_factors_known",
                        condition=Q(emission_factor_type__in=("lifecycle", "direct")),
                    ),
                    models.CheckConstraint(
                        name="emissions_gridsample_not_negative",
                        condition=Q(gco2e_per_kwh__gte=0),
                    ),
                ],
            },
        ),
    ]
