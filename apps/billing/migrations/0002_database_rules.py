"""What the database itself refuses: gram given twice, a period reopened, a proven row changed."""

from django.db import migrations

from apps.workspaces.rls import append_only_sql, tenant_reference_sql, tenant_table_sql

# The workspace's integer key as a one-point range, so that no extension is needed.
NO_OVERLAPPING_PERIODS = """
ALTER TABLE billing_billingperiod ADD CONSTRAINT period_no_overlap
    EXCLUDE USING gist (
        int8range(workspace_id, workspace_id, '[]') WITH &&,
        tstzrange(starts_at, ends_at) WITH &&
    );
"""

PERIOD_FORWARD = """
CREATE FUNCTION billing_period_forward() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stated numeric;
    settled record;
BEGIN
    IF OLD.status = 'closed' THEN
        RAISE EXCEPTION 'billing period % is closed and never changes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'closing' AND NEW.status = 'open' THEN
        RAISE EXCEPTION 'billing period % moves forward only', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.settled_at IS NULL AND NEW.settled_at IS NOT NULL AND NEW.status <> 'closing' THEN
        RAISE EXCEPTION 'billing period % is settled while it is closing', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.workspace_id, NEW.public_id, NEW.starts_at) IS DISTINCT FROM (OLD.workspace_id, OLD.public_id, OLD.starts_at)
        OR (OLD.status <> 'open' AND (NEW.ends_at, NEW.closes_at, NEW.retires_credits, NEW.retirement_basis)
            IS DISTINCT FROM (OLD.ends_at, OLD.closes_at, OLD.retires_credits, OLD.retirement_basis))
        OR (OLD.settled_at IS NOT NULL AND (NEW.settled_at, NEW.plan, NEW.entries_count, NEW.co2e_grams_low,
                NEW.co2e_grams, NEW.co2e_grams_high, NEW.energy_kwh, NEW.adjustments_grams)
            IS DISTINCT FROM (OLD.settled_at, OLD.plan, OLD.entries_count, OLD.co2e_grams_low,
                OLD.co2e_grams, OLD.co2e_grams_high, OLD.energy_kwh, OLD.adjustments_grams)) THEN
        RAISE EXCEPTION 'what billing period % has stated never changes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = 'closed' THEN
        IF OLD.status <> 'closing' THEN
            RAISE EXCEPTION 'billing period % closes from closing only', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM billing_billingperiod AS earlier
                   WHERE earlier.workspace_id = OLD.workspace_id AND earlier.starts_at < OLD.starts_at
                     AND earlier.status <> 'closed') THEN
            RAISE EXCEPTION 'periods of a workspace close in order'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT count(*) AS entries, coalesce(sum(entry.co2e_grams), 0) AS co2e_grams,
               coalesce(sum(entry.co2e_grams_low), 0) AS low, coalesce(sum(entry.co2e_grams_high), 0) AS high
        INTO settled
        FROM billing_settlement AS settlement JOIN telemetry_carbonentry AS entry ON entry.id = settlement.entry_id
        WHERE settlement.period_id = OLD.id;
        IF (settled.entries, settled.co2e_grams, settled.low, settled.high)
            IS DISTINCT FROM (NEW.entries_count, NEW.co2e_grams, NEW.co2e_grams_low, NEW.co2e_grams_high) THEN
            RAISE EXCEPTION 'the settled entries of billing period % do not sum to its footprint', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT coalesce(sum(upper(grams) - lower(grams)), 0) INTO stated
        FROM billing_creditallocation WHERE period_id = OLD.id;
        IF stated IS DISTINCT FROM NEW.retired_grams THEN
            RAISE EXCEPTION 'the allocations of billing period % do not sum to its retired grams', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM billing_creditallocation AS allocation
                   JOIN billing_retirementorder AS ordered ON ordered.id = allocation.order_id
                   WHERE allocation.period_id = OLD.id AND ordered.status <> 'confirmed') THEN
            RAISE EXCEPTION 'billing period % waits for a retirement to be confirmed', OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_period_forward BEFORE UPDATE ON billing_billingperiod
    FOR EACH ROW EXECUTE FUNCTION billing_period_forward();
CREATE FUNCTION billing_period_begins_unsettled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'closed' OR NEW.settled_at IS NOT NULL THEN
        RAISE EXCEPTION 'a billing period begins with nothing settled' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_period_begins_unsettled BEFORE INSERT ON billing_billingperiod
    FOR EACH ROW EXECUTE FUNCTION billing_period_begins_unsettled();
CREATE FUNCTION billing_period_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a billing period is never deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_period_kept BEFORE DELETE ON billing_billingperiod
    FOR EACH ROW EXECUTE FUNCTION billing_period_kept();
"""

# What a closed period retired is what it said it would: its footprint rounded up, or nothing on a free plan.
RETIRED_IS_OWED = """
ALTER TABLE billing_billingperiod ADD CONSTRAINT period_retired_is_owed CHECK (
    status <> 'closed' OR retired_grams = CASE
        WHEN NOT retires_credits THEN 0
        WHEN retirement_basis = 'high' THEN ceil(co2e_grams_high)
        ELSE ceil(co2e_grams)
    END
);
"""

# Entries join a closing period before it states its figures, grams after it did.
ONLY_INTO_CLOSING = """
CREATE FUNCTION billing_settlement_into_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added JOIN billing_billingperiod AS period ON period.id = added.period_id
               WHERE period.status <> 'closing' OR period.settled_at IS NOT NULL) THEN
        RAISE EXCEPTION 'only a closing period that has stated nothing yet takes settlements'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_settlement_into_closing AFTER INSERT ON billing_settlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_settlement_into_closing();
CREATE FUNCTION billing_allocation_into_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added JOIN billing_billingperiod AS period ON period.id = added.period_id
               WHERE period.status <> 'closing' OR period.settled_at IS NULL OR NOT period.retires_credits) THEN
        RAISE EXCEPTION 'only a closing period that has settled and retires credits takes allocations'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_allocation_into_closing AFTER INSERT ON billing_creditallocation
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_allocation_into_closing();
CREATE FUNCTION billing_settlement_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added
               JOIN billing_billingperiod AS period ON period.id = added.period_id
               JOIN telemetry_carbonentry AS entry ON entry.id = added.entry_id
               WHERE entry.is_test OR entry.used_at >= period.ends_at
                  OR added.is_adjustment <> (entry.used_at < period.starts_at)) THEN
        RAISE EXCEPTION 'a settlement takes live entries used before the end of its period'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_settlement_fits AFTER INSERT ON billing_settlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_settlement_fits();
"""

GRAMS = """
ALTER TABLE billing_creditbatch
    ADD COLUMN stem_key bigint GENERATED ALWAYS AS (hashtextextended(registry || ' ' || serial_stem, 0)) STORED,
    ADD CONSTRAINT batch_grams_match_tonnes CHECK (
        NOT isempty(grams) AND lower_inc(grams) AND NOT upper_inc(grams)
        AND upper(grams) - lower(grams) = tonnes::bigint * 1000000 AND lower(grams) % 1000000 = 0
        AND lower(grams) >= 0
    ),
    ADD CONSTRAINT batch_grams_once EXCLUDE USING gist (grams WITH &&),
    ADD CONSTRAINT batch_serials_once EXCLUDE USING gist (
        int8range(stem_key, stem_key, '[]') WITH &&,
        numrange(serial_first, serial_last, '[]') WITH &&
    );
ALTER TABLE billing_retirementorder
    ADD CONSTRAINT order_whole_tonnes CHECK (
        NOT isempty(grams) AND lower(grams) % 1000000 = 0 AND upper(grams) % 1000000 = 0
    ),
    ADD CONSTRAINT order_grams_once EXCLUDE USING gist (grams WITH &&);
ALTER TABLE billing_creditallocation
    ADD CONSTRAINT allocation_not_empty CHECK (NOT isempty(grams)),
    ADD CONSTRAINT allocation_grams_once EXCLUDE USING gist (grams WITH &&);

CREATE FUNCTION billing_order_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_creditbatch WHERE id = NEW.batch_id AND grams @> NEW.grams) THEN
        RAISE EXCEPTION 'a retirement order lies inside its batch' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.status = 'confirmed'
        OR (NEW.public_id, NEW.batch_id, NEW.grams, NEW.beneficiary, NEW.reason, NEW.requested_at)
            IS DISTINCT FROM (OLD.public_id, OLD.batch_id, OLD.grams, OLD.beneficiary, OLD.reason, OLD.requested_at)) THEN
        RAISE EXCEPTION 'a retirement order only moves from requested to confirmed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_order_fits BEFORE INSERT OR UPDATE ON billing_retirementorder
    FOR EACH ROW EXECUTE FUNCTION billing_order_fits();
CREATE FUNCTION billing_order_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a retirement order is never deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_order_kept BEFORE DELETE ON billing_retirementorder
    FOR EACH ROW EXECUTE FUNCTION billing_order_kept();

CREATE FUNCTION billing_allocation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_retirementorder AS ordered JOIN billing_creditbatch AS batch ON batch.id = ordered.batch_id
        WHERE ordered.id = NEW.order_id AND batch.id = NEW.batch_id
          AND ordered.grams @> NEW.grams AND batch.grams @> NEW.grams
    ) THEN
        RAISE EXCEPTION 'an allocation lies inside its batch and its retirement order'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_allocation_fits BEFORE INSERT ON billing_creditallocation
    FOR EACH ROW EXECUTE FUNCTION billing_allocation_fits();
"""

# The bytes are evidence; only the note of what was done with them may be added.
STRIPE_EVENT_KEPT = """
CREATE FUNCTION billing_stripe_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.type, NEW.api_version, NEW.is_livemode, NEW.body, NEW.created_at, NEW.received_at)
        IS DISTINCT FROM (OLD.id, OLD.type, OLD.api_version, OLD.is_livemode, OLD.body, OLD.created_at, OLD.received_at) THEN
        RAISE EXCEPTION 'a delivered event is kept as it came' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_stripe_event_kept BEFORE UPDATE OR DELETE ON billing_stripeevent
    FOR EACH ROW EXECUTE FUNCTION billing_stripe_event_kept();
"""

DROP = """
ALTER TABLE billing_billingperiod DROP CONSTRAINT period_no_overlap, DROP CONSTRAINT period_retired_is_owed;
ALTER TABLE billing_creditbatch DROP CONSTRAINT batch_grams_match_tonnes, DROP CONSTRAINT batch_grams_once,
    DROP CONSTRAINT batch_serials_once, DROP COLUMN stem_key;
ALTER TABLE billing_retirementorder DROP CONSTRAINT order_whole_tonnes, DROP CONSTRAINT order_grams_once;
ALTER TABLE billing_creditallocation DROP CONSTRAINT allocation_not_empty, DROP CONSTRAINT allocation_grams_once;
DROP FUNCTION billing_period_forward, billing_period_begins_unsettled, billing_period_kept,
    billing_settlement_into_closing, billing_allocation_into_closing, billing_settlement_fits, billing_order_fits, billing_order_kept, billing_allocation_fits, billing_stripe_event_kept CASCADE;
"""

REFERENCES = [
    ("billing_settlement", "entry_id", "telemetry_carbonentry"),
    ("billing_settlement", "period_id", "billing_billingperiod"),
    ("billing_creditallocation", "period_id", "billing_billingperiod"),
]

APPEND_ONLY = ("billing_settlement", "billing_creditallocation", "billing_creditbatch")

# A tenant's request reads; closing and settling belong to workers and operators.
PRIVILEGES = {
    "billing_subscription": "SELECT",
    "billing_billingperiod": "SELECT",
    "billing_settlement": "SELECT",
    "billing_creditallocation": "SELECT",
}

# Orders and batches serve many workspaces: a tenant sees those that its own allocations name.
SHARED = """
CREATE POLICY tenant ON billing_retirementorder TO carbon_tenant
    USING (EXISTS (SELECT 1 FROM billing_creditallocation AS mine WHERE mine.order_id = billing_retirementorder.id));
ALTER TABLE billing_retirementorder ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON billing_retirementorder TO carbon_tenant;
CREATE POLICY tenant ON billing_creditbatch TO carbon_tenant
    USING (EXISTS (SELECT 1 FROM billing_creditallocation AS mine WHERE mine.batch_id = billing_creditbatch.id));
ALTER TABLE billing_creditbatch ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON billing_creditbatch TO carbon_tenant;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("telemetry", "0002_database_rules")]

    operations = [
        migrations.RunSQL(
            NO_OVERLAPPING_PERIODS + RETIRED_IS_OWED + PERIOD_FORWARD + ONLY_INTO_CLOSING + GRAMS + STRIPE_EVENT_KEPT, DROP
        ),
        *(migrations.RunSQL(tenant_reference_sql(*ref), migrations.RunSQL.noop) for ref in REFERENCES),
        *(migrations.RunSQL(append_only_sql(table), migrations.RunSQL.noop) for table in APPEND_ONLY),
        *(
            migrations.RunSQL(tenant_table_sql(table, privileges), migrations.RunSQL.noop)
            for table, privileges in PRIVILEGES.items()
        ),
        migrations.RunSQL(SHARED, migrations.RunSQL.noop),
    ]
