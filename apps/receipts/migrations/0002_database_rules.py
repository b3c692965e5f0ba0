"""What the database itself refuses: a proven row changed, a hole in the log, a key given another meaning."""

from django.db import migrations

from apps.workspaces.rls import append_only_sql, tenant_reference_sql, tenant_table_sql

LOG = """
CREATE FUNCTION receipts_log_dense() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next_index bigint := (SELECT coalesce(max(index), -1) + 1 FROM receipts_logentry);
BEGIN
    IF NEW.index <> next_index THEN
        RAISE EXCEPTION 'the next index of the log is %, not %', next_index, NEW.index
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.leaf_hash <> sha256('\\x00'::bytea || NEW.data) THEN
        RAISE EXCEPTION 'a leaf hash is the hash of its entry' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipts_log_dense BEFORE INSERT ON receipts_logentry
    FOR EACH ROW EXECUTE FUNCTION receipts_log_dense();

CREATE FUNCTION receipts_node_of_children() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    left_child bytea;
    right_child bytea;
BEGIN
    IF NEW.level = 1 THEN
        SELECT leaf_hash INTO left_child FROM receipts_logentry WHERE index = 2 * NEW.index;
        SELECT leaf_hash INTO right_child FROM receipts_logentry WHERE index = 2 * NEW.index + 1;
    ELSE
        SELECT hash INTO left_child FROM receipts_lognode WHERE level = NEW.level - 1 AND index = 2 * NEW.index;
        SELECT hash INTO right_child FROM receipts_lognode WHERE level = NEW.level - 1 AND index = 2 * NEW.index + 1;
    END IF;
    IF NEW.hash IS DISTINCT FROM sha256('\\x01'::bytea || left_child || right_child) THEN
        RAISE EXCEPTION 'a node is the hash of its two children' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipts_node_of_children BEFORE INSERT ON receipts_lognode
    FOR EACH ROW EXECUTE FUNCTION receipts_node_of_children();

CREATE FUNCTION receipts_checkpoint_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <= (SELECT coalesce(max(size), -1) FROM receipts_checkpoint) THEN
        RAISE EXCEPTION 'a checkpoint is larger than every earlier one'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.size > (SELECT coalesce(max(index), -1) + 1 FROM receipts_logentry) THEN
        RAISE EXCEPTION 'a checkpoint covers only what is in the log'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipts_checkpoint_grows BEFORE INSERT ON receipts_checkpoint
    FOR EACH ROW EXECUTE FUNCTION receipts_checkpoint_grows();
"""

RECEIPT = """
ALTER TABLE receipts_carbonreceipt ADD CONSTRAINT receipt_hash_is_of_payload
    CHECK (payload_sha256 = sha256(convert_to(payload, 'UTF8')));
CREATE FUNCTION receipts_receipt_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    period record;
    stated jsonb := NEW.payload::jsonb;
BEGIN
    SELECT * INTO period FROM billing_billingperiod WHERE id = NEW.period_id;
    IF period.status IS DISTINCT FROM 'closed' THEN
        RAISE EXCEPTION 'a receipt states a closed period' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF ((stated #>> '{emissions,co2e_grams}')::numeric, (stated #>> '{retirement,allocated_grams}')::numeric,
            stated ->> 'receipt_id')
        IS DISTINCT FROM (period.co2e_grams, period.retired_grams::numeric, NEW.public_id::text) THEN
        RAISE EXCEPTION 'a receipt states what its period settled and retired'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipts_receipt_fits BEFORE INSERT ON receipts_carbonreceipt
    FOR EACH ROW EXECUTE FUNCTION receipts_receipt_fits();
"""

KEY = """
CREATE FUNCTION receipts_key_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.key_version, NEW.public_key, NEW.valid_from)
        IS DISTINCT FROM (OLD.key_version, OLD.public_key, OLD.valid_from) OR OLD.status = 'revoked' THEN
        RAISE EXCEPTION 'a published key keeps its version, its bytes and its revocation'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipts_key_kept BEFORE UPDATE OR DELETE ON receipts_signingkey
    FOR EACH ROW EXECUTE FUNCTION receipts_key_kept();
"""

DROP = """
ALTER TABLE receipts_carbonreceipt DROP CONSTRAINT receipt_hash_is_of_payload;
DROP FUNCTION receipts_log_dense, receipts_node_of_children, receipts_checkpoint_grows, receipts_receipt_fits, receipts_key_kept CASCADE;
"""

APPEND_ONLY = ("receipts_carbonreceipt", "receipts_receiptdocument", "receipts_logentry", "receipts_lognode", "receipts_checkpoint")


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_initial"), ("billing", "0002_database_rules")]

    operations = [
        migrations.RunSQL(LOG + RECEIPT + KEY, DROP),
        migrations.RunSQL(
            tenant_reference_sql("receipts_carbonreceipt", "period_id", "billing_billingperiod"),
            migrations.RunSQL.noop,
        ),
        *(migrations.RunSQL(append_only_sql(table), migrations.RunSQL.noop) for table in APPEND_ONLY),
        migrations.RunSQL(tenant_table_sql("receipts_carbonreceipt", "SELECT"), migrations.RunSQL.noop),
        migrations.RunSQL(tenant_table_sql("receipts_receiptdocument", "SELECT"), migrations.RunSQL.noop),
        migrations.RunSQL(
            "GRANT SELECT ON receipts_signingkey, receipts_logentry, receipts_lognode, receipts_checkpoint TO carbon_tenant;",
            migrations.RunSQL.noop,
        ),
    ]
