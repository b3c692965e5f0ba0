"""SQL for migrations: row-level security, references inside a workspace, append-only tables."""

TENANT_ROLE = "carbon_tenant"
CURRENT_WORKSPACE = "nullif(current_setting('app.workspace_id', true), '')::bigint"

# Roles belong to the whole server: two databases may create it at the same time.
CREATE_TENANT_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{TENANT_ROLE}') THEN
        CREATE ROLE {TENANT_ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, '{TENANT_ROLE}', 'SET') THEN
        EXECUTE format('GRANT {TENANT_ROLE} TO %I', current_user);
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO {TENANT_ROLE};
"""  # noqa: S608 - the names are constants of this file


def tenant_table_sql(
    table: str, privileges: str = "SELECT, INSERT, UPDATE", *, key: str = "workspace_id"
) -> str:
    """Let a tenant's request see and write only its own workspace's rows of the table."""
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table} TO {TENANT_ROLE}
    USING ({key} = {CURRENT_WORKSPACE}) WITH CHECK ({key} = {CURRENT_WORKSPACE});
GRANT {privileges} ON {table} TO {TENANT_ROLE};
DO $$
DECLARE sequence text;
BEGIN
    sequence := pg_get_serial_sequence('{table}', 'id');
    IF sequence IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO {TENANT_ROLE}', sequence);
    END IF;
EXCEPTION WHEN undefined_column THEN
    NULL;
END $$;
"""


def tenant_reference_sql(table: str, column: str, target: str) -> str:
    """A foreign key that carries the workspace along: no row refers to another workspace's."""
    return f"""
ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_same_workspace
    FOREIGN KEY (workspace_id, {column}) REFERENCES {target} (workspace_id, id)
    DEFERRABLE INITIALLY DEFERRED;
"""


def append_only_sql(table: str) -> str:
    """Refuse UPDATE, DELETE and TRUNCATE of what was recorded."""
    return f"""
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
"""
