-- Run once by the PostgreSQL image of docker-compose.yml, as the superuser, when it makes an empty cluster.
--
-- The application gets a role and a database of its own. It may do anything in that database, migrations included, and
-- nothing beside it: an SQL injection as a superuser would also read files, run programs and see other databases.
\set ON_ERROR_STOP on
\getenv password POSTGRES_PASSWORD

CREATE ROLE liftoff LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE liftoff OWNER liftoff;
REVOKE ALL ON DATABASE liftoff FROM PUBLIC;

-- One password would else open both. The superuser still comes in from inside: docker compose exec db psql -U postgres
ALTER ROLE CURRENT_USER PASSWORD NULL;
