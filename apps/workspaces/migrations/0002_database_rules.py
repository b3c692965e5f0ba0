"""The tenants' database role, what it may see, and the audit trail that nobody rewrites."""

from django.db import migrations

from apps.workspaces.rls import CREATE_TENANT_ROLE, append_only_sql, tenant_table_sql

PRIVILEGES = {
    "workspaces_membership": "SELECT, INSERT, UPDATE, DELETE",
    "workspaces_project": "SELECT, INSERT, UPDATE",
    "workspaces_apikey": "SELECT, INSERT, UPDATE",
    "workspaces_auditevent": "SELECT, INSERT",
}

# The tenants' policy on the memberships holds inside this one too.
PEOPLE_OF_THE_WORKSPACE = """
ALTER TABLE auth_user ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON auth_user FOR SELECT TO carbon_tenant
    USING (EXISTS (SELECT FROM workspaces_membership WHERE user_id = auth_user.id));
GRANT SELECT ON auth_user TO carbon_tenant;
"""


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE_TENANT_ROLE, migrations.RunSQL.noop),
        migrations.RunSQL(
            tenant_table_sql("workspaces_workspace", "SELECT, UPDATE", key="id"), migrations.RunSQL.noop
        ),
        *(
            migrations.RunSQL(tenant_table_sql(table, privileges), migrations.RunSQL.noop)
            for table, privileges in PRIVILEGES.items()
        ),
        migrations.RunSQL(append_only_sql("workspaces_auditevent"), migrations.RunSQL.noop),
        migrations.RunSQL(PEOPLE_OF_THE_WORKSPACE, migrations.RunSQL.noop),
    ]
