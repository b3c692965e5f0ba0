#!/bin/sh
# Runs once, when the data volume is empty. The product logs in as `carbon`, which is no superuser,
# so row-level security binds it. CREATEROLE lets its migrations create the role `carbon_tenant`.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=password="$CARBON_DB_PASSWORD" <<'SQL'
CREATE ROLE carbon LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB CREATEROLE PASSWORD :'password';
CREATE DATABASE carbon OWNER carbon;
REVOKE CONNECT ON DATABASE carbon FROM PUBLIC;
SQL
