"""What the database itself refuses and keeps: identity, the append-only ledger, exact rollups."""

from django.db import migrations

from apps.workspaces.rls import append_only_sql, tenant_reference_sql, tenant_table_sql

SUMMED = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "output_tokens",
    "energy_kwh_low",
    "energy_kwh",
    "energy_kwh_high",
    "operational_co2e_grams_low",
    "operational_co2e_grams",
    "operational_co2e_grams_high",
    "embodied_co2e_grams_low",
    "embodied_co2e_grams",
    "embodied_co2e_grams_high",
    "co2e_grams_low",
    "co2e_grams",
    "co2e_grams_high",
    "market_based_co2e_grams_low",
    "market_based_co2e_grams",
    "market_based_co2e_grams_high",
    "water_litres_low",
    "water_litres",
    "water_litres_high",
)
UNKNOWABLE = ("requests", "cost_usd")  # null is unknown; what is known adds up
DIMENSIONS = "project_id, connection_id, provider, model, region, is_test"

EVENT_IDENTITY = """
CREATE FUNCTION telemetry_event_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.workspace_id, NEW.idempotency_hash, NEW.source, NEW.provider, NEW.used_at)
        IS DISTINCT FROM (OLD.workspace_id, OLD.idempotency_hash, OLD.source, OLD.provider, OLD.used_at)
        OR (NEW.model, NEW.region, NEW.connection_id, NEW.project_id, NEW.is_test)
        IS DISTINCT FROM (OLD.model, OLD.region, OLD.connection_id, OLD.project_id, OLD.is_test) THEN
        RAISE EXCEPTION 'the identity of telemetry event % never changes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER telemetry_event_identity BEFORE UPDATE ON telemetry_telemetryevent
    FOR EACH ROW EXECUTE FUNCTION telemetry_event_identity();
CREATE FUNCTION telemetry_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a telemetry event is withdrawn, never deleted'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER telemetry_event_kept BEFORE DELETE ON telemetry_telemetryevent
    FOR EACH ROW EXECUTE FUNCTION telemetry_event_kept();
CREATE TRIGGER telemetry_event_not_emptied BEFORE TRUNCATE ON telemetry_telemetryevent
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_event_kept();
"""

# One statement inserts many entries; the check and the sums run once for all of them.
# Planned anew each time: a plan made for one row crawls when ten thousand come in a statement.
# `calculation` carries the totals that the event's entries must add up to after this line; the
# counts must add up to the event's own, or to nothing when a better report of the same use counts.
COUNTED = ("input_uncached_tokens", "input_cache_read_tokens", "input_cache_write_tokens", "output_tokens")
BOUNDS = {"_low": "low", "": "central", "_high": "high"}
NAMED = {  # column: where the calculation names its total
    f"{name}{suffix}": f"{{{name},{bound}}}"
    for name in (
        "energy_kwh", "operational_co2e_grams", "embodied_co2e_grams", "co2e_grams", "market_based_co2e_grams",
        "water_litres",
    )
    for suffix, bound in BOUNDS.items()
}
NEWLINE = "\n        "
ENTRIES_ADD_UP = f"""
CREATE FUNCTION telemetry_entries_add_up() RETURNS trigger LANGUAGE plpgsql
    SET plan_cache_mode = force_custom_plan AS $$
DECLARE wrong bigint;
BEGIN
    SELECT last.event_id INTO wrong
    FROM (
        SELECT DISTINCT ON (event_id) event_id, sequence, calculation
        FROM added ORDER BY event_id, sequence DESC
    ) AS last
    JOIN LATERAL (
        SELECT count(*) AS entries,
        {"".join(f"coalesce(sum({name}), 0) AS {name},{NEWLINE}" for name in UNKNOWABLE)}{f",{NEWLINE}".join(f"sum({name}) AS {name}" for name in (*COUNTED, *NAMED))}
        FROM telemetry_carbonentry WHERE event_id = last.event_id
    ) AS total ON true
    JOIN telemetry_telemetryevent AS event ON event.id = last.event_id
    WHERE total.entries <> last.sequence
        OR {f"{NEWLINE}OR ".join(
            f"total.{name} <> coalesce(event.{name}, 0) * event.is_counted::int" for name in UNKNOWABLE
        )}
        OR {f"{NEWLINE}OR ".join(f"total.{name} <> event.{name} * event.is_counted::int" for name in COUNTED)}
        OR {f"{NEWLINE}OR ".join(
            f"total.{name} IS DISTINCT FROM (last.calculation #>> '{path}')::numeric"
            for name, path in NAMED.items()
        )}
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the entries of telemetry event % do not sum to its calculation', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER telemetry_entries_add_up AFTER INSERT ON telemetry_carbonentry
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_entries_add_up();
"""

# An entry repeats dimensions of its event so that sums need no join: they must agree.
ENTRY_MATCHES_EVENT = """
CREATE FUNCTION telemetry_entry_matches_event() RETURNS trigger LANGUAGE plpgsql
    SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added JOIN telemetry_telemetryevent AS event ON event.id = added.event_id
        WHERE (added.workspace_id, added.project_id, added.connection_id, added.provider, added.model,
               added.region, added.is_test, added.used_at)
            IS DISTINCT FROM (event.workspace_id, event.project_id, event.connection_id, event.provider,
               event.model, event.region, event.is_test, event.used_at)
    ) THEN
        RAISE EXCEPTION 'an entry carries the dimensions of its event'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER telemetry_entry_matches_event AFTER INSERT ON telemetry_carbonentry
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_entry_matches_event();
"""

# Keys are visited in one order, and hours before days, so that two writers cannot wait for each
# other in a circle. SECURITY DEFINER: who may add an entry may not otherwise write a rollup.
def _rolled_up(table: str, step: str) -> str:
    """The statement that adds the new entries to the sums of their hours or days."""
    key = f"workspace_id, {step}, {DIMENSIONS}"
    return f"""
    INSERT INTO {table} AS r ({key}, entries, {", ".join(UNKNOWABLE)}, {", ".join(SUMMED)})
    SELECT workspace_id, date_trunc('{step}', used_at, 'UTC'), {DIMENSIONS}, count(*),
        {", ".join(f"sum({name})" for name in (*UNKNOWABLE, *SUMMED))}
    FROM added GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT ({key}) DO UPDATE SET
        entries = r.entries + excluded.entries,
        {", ".join(f"{name} = coalesce(r.{name} + excluded.{name}, r.{name}, excluded.{name})" for name in UNKNOWABLE)},
        {", ".join(f"{name} = r.{name} + excluded.{name}" for name in SUMMED)};"""


ROLLUP = f"""
CREATE FUNCTION telemetry_roll_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN{_rolled_up("telemetry_rollup", "hour")}{_rolled_up("telemetry_dayrollup", "day")}
    RETURN NULL;
END $$;
CREATE TRIGGER telemetry_roll_up AFTER INSERT ON telemetry_carbonentry
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_roll_up();

CREATE FUNCTION telemetry_rollup_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'rollups follow the %; nothing else writes them', TG_ARGV[0]
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER telemetry_rollup_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON telemetry_rollup
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_rollup_guard('entries');
CREATE TRIGGER telemetry_day_rollup_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON telemetry_dayrollup
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_rollup_guard('entries');
"""

OVERRIDE_KEPT = """
CREATE FUNCTION telemetry_override_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_by = ''
        OR NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at
        OR (to_jsonb(NEW) - '{ends_at,ended_at,ended_by}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{ends_at,ended_at,ended_by}'::text[]) THEN
        RAISE EXCEPTION 'a factor override is ended once, never edited or deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER telemetry_override_kept BEFORE UPDATE OR DELETE ON telemetry_factoroverride
    FOR EACH ROW EXECUTE FUNCTION telemetry_override_kept();
CREATE TRIGGER telemetry_override_not_emptied BEFORE TRUNCATE ON telemetry_factoroverride
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_override_kept();
"""

# Likewise for samples of compute, which are whole facts and need no check of their own.
SAMPLE_SUMMED = (
    "normalized_usage_amount",
    "energy_kwh_low",
    "energy_kwh",
    "energy_kwh_high",
    "operational_co2e_grams_low",
    "operational_co2e_grams",
    "operational_co2e_grams_high",
    "embodied_co2e_grams_low",
    "embodied_co2e_grams",
    "embodied_co2e_grams_high",
)
SAMPLE_KEY = "workspace_id, hour, provider, region, resource_type, is_test"
SAMPLE_ROLLUP = f"""
CREATE FUNCTION telemetry_sample_roll_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    INSERT INTO telemetry_usagesamplerollup AS r ({SAMPLE_KEY}, samples, {", ".join(SAMPLE_SUMMED)})
    SELECT workspace_id, date_trunc('hour', measured_at, 'UTC'), provider, region, resource_type, is_test,
        count(*), {", ".join(f"sum({name})" for name in SAMPLE_SUMMED)}
    FROM added GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT ({SAMPLE_KEY}) DO UPDATE SET
        samples = r.samples + excluded.samples,
        {", ".join(f"{name} = r.{name} + excluded.{name}" for name in SAMPLE_SUMMED)};
    RETURN NULL;
END $$;
CREATE TRIGGER telemetry_sample_roll_up AFTER INSERT ON telemetry_usagesample
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_sample_roll_up();

CREATE TRIGGER telemetry_sample_rollup_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON telemetry_usagesamplerollup FOR EACH STATEMENT EXECUTE FUNCTION telemetry_rollup_guard('samples');
"""

DROP = """
DROP FUNCTION telemetry_event_identity, telemetry_event_kept, telemetry_entries_add_up,
    telemetry_entry_matches_event, telemetry_roll_up, telemetry_rollup_guard,
    telemetry_override_kept, telemetry_sample_roll_up CASCADE;
"""

# Every tenant row refers only to rows of its own workspace.
REFERENCES = [
    ("telemetry_workload", "connection_id", "telemetry_providerconnection"),
    ("telemetry_workload", "project_id", "workspaces_project"),
    ("telemetry_synccursor", "connection_id", "telemetry_providerconnection"),
    ("telemetry_meteredbucket", "connection_id", "telemetry_providerconnection"),
    ("telemetry_pollrun", "connection_id", "telemetry_providerconnection"),
    ("telemetry_telemetryevent", "connection_id", "telemetry_providerconnection"),
    ("telemetry_telemetryevent", "project_id", "workspaces_project"),
    ("telemetry_telemetryevent", "signal_group_id", "telemetry_signalgroup"),
    ("telemetry_carbonentry", "event_id", "telemetry_telemetryevent"),
    ("telemetry_routingrule", "connection_id", "telemetry_providerconnection"),
    ("telemetry_routingrule", "project_id", "workspaces_project"),
    ("telemetry_providertotal", "connection_id", "telemetry_providerconnection"),
    ("telemetry_budget", "project_id", "workspaces_project"),
    ("telemetry_budgetalert", "budget_id", "telemetry_budget"),
    ("telemetry_alertdelivery", "alert_id", "telemetry_budgetalert"),
]

# What a tenant's request may do; the rest belongs to workers and operators.
PRIVILEGES = {
    "telemetry_providerconnection": "SELECT, INSERT, UPDATE",
    "telemetry_workload": "SELECT, INSERT, UPDATE",
    "telemetry_synccursor": "SELECT",
    "telemetry_meteredbucket": "SELECT",
    "telemetry_pollrun": "SELECT",
    "telemetry_telemetryevent": "SELECT, INSERT, UPDATE",
    "telemetry_carbonentry": "SELECT, INSERT",
    "telemetry_rollup": "SELECT",
    "telemetry_dayrollup": "SELECT",
    "telemetry_routingrule": "SELECT, INSERT, DELETE",
    "telemetry_sourceofrecord": "SELECT, INSERT, UPDATE, DELETE",
    "telemetry_providertotal": "SELECT",
    "telemetry_budget": "SELECT, INSERT, UPDATE",
    "telemetry_budgetalert": "SELECT",
    "telemetry_alertdelivery": "SELECT",
    "telemetry_usageimport": "SELECT",
    "telemetry_factoroverride": "SELECT, INSERT, UPDATE",
    "telemetry_signalgroup": "SELECT, INSERT, UPDATE",
    "telemetry_metricseries": "SELECT, INSERT, UPDATE",
    "telemetry_liveeventcount": "SELECT, INSERT, UPDATE",
    "telemetry_usagesample": "SELECT, INSERT",
    "telemetry_usagesamplerollup": "SELECT",
}


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial"), ("workspaces", "0002_database_rules")]

    operations = [
        *(migrations.RunSQL(tenant_reference_sql(*ref), migrations.RunSQL.noop) for ref in REFERENCES),
        migrations.RunSQL(
            EVENT_IDENTITY + ENTRIES_ADD_UP + ENTRY_MATCHES_EVENT + ROLLUP + OVERRIDE_KEPT
            + SAMPLE_ROLLUP,
            DROP,
        ),
        migrations.RunSQL(append_only_sql("telemetry_carbonentry"), migrations.RunSQL.noop),
        migrations.RunSQL(append_only_sql("telemetry_usagesample"), migrations.RunSQL.noop),
        migrations.RunSQL(append_only_sql("telemetry_budgetalert"), migrations.RunSQL.noop),
        *(
            migrations.RunSQL(tenant_table_sql(table, privileges), migrations.RunSQL.noop)
            for table, privileges in PRIVILEGES.items()
        ),
        # Factors and grids are no tenant's; every calculation reads them.
        migrations.RunSQL(
            "GRANT SELECT ON emissions_factorset, emissions_gridsample TO carbon_tenant;",
            migrations.RunSQL.noop,
        ),
    ]
