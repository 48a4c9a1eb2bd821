"""The programs behind the Makefile. They are not part of the application.

- `bootstrap`, `install`: create .venv, and install the locked packages.
- `dev`: `make dev`, which uses `dev_database`, `env_file`, `children`, `ports` and
  `changes`. The last one watches for settings that a reload ignores.
- `demo_billing`: `make demo-billing`. `billing_story` has the chapters of a
  subscription's life, and `billing_world` the servers in which it happens.
- `run_tests`, `progress`: `make test`, and its output.
- `check_long`: `make check-long`.
- `check_migrations`: `make migrations`.
- `layers`: the layers and import cycles, for `make lint`.
- `client`: the types of the TypeScript client.
- `sbom`: `make sbom`.
- `documentation`: `make docs`.
- `projects/`: `make new`, and the program that `make upgrade` runs. A new project does
  not contain this folder.
- `upgrade`: `make upgrade`, which clones Liftoff and starts that program.
- `console`: the output of all tools.
"""
