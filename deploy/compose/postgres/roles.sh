#!/bin/sh
# Run once by PostgreSQL's image, as the administrator of a new cluster: the roles of docs/operating.md and their database.
# The owner may change the schema and is used by `waiver migrate` alone; what the others may do, the migrations grant.
set -eu

# The passwords come from files to psql's own variables: on no command line and in no log.
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set owner `cat /run/secrets/owner`
\set service `cat /run/secrets/service`
\set reader `cat /run/secrets/reader`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE waiver_owner LOGIN PASSWORD :'owner';
CREATE ROLE waiver_service LOGIN PASSWORD :'service';
CREATE ROLE waiver_reader LOGIN PASSWORD :'reader';
CREATE DATABASE waiver OWNER waiver_owner ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE waiver FROM PUBLIC;
GRANT CONNECT ON DATABASE waiver TO waiver_service, waiver_reader;
\connect waiver
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
