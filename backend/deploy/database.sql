-- The PostgreSQL image of docker-compose.yml runs this once, as the superuser, after it has created an empty cluster.
--
-- The application gets a role and a database of its own. The role may do anything in that database, migrations included,
-- but nothing outside it. An SQL injection as a superuser could read files, run programs and see other databases.
\set ON_ERROR_STOP on
\getenv password POSTGRES_PASSWORD

CREATE ROLE liftoff LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE liftoff OWNER liftoff;
REVOKE ALL ON DATABASE liftoff FROM PUBLIC;

-- Otherwise one password would open both roles. The superuser can still connect from inside the container:
-- docker compose exec db psql -U postgres
ALTER ROLE CURRENT_USER PASSWORD NULL;
