"""Two common linters find the OpenAPI document valid and without warnings."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from app.core.config import get_settings
from app.main import create_app
from tests.support import npm

pytestmark = [pytest.mark.slow, pytest.mark.only("sqlite")]
FOLDER = Path(__file__).parent / "support" / "openapi_rules"
PROGRAMS = {
    "redocly": ["redocly", "lint", "--config", "redocly.yaml", "--format", "stylish"],
    "spectral": ["spectral", "lint", "--ruleset", ".spectral.yaml", "--fail-severity", "warn"],
}
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def folder(migrated):
    npm.install(FOLDER)
    return FOLDER


def run(program, document, file):
    file.write_text(json.dumps(document, indent=1), "utf-8")
    name, *options = PROGRAMS[program]
    command = [str(FOLDER / "node_modules" / ".bin" / name), *options, str(file)]
    done = subprocess.run(
        command,
        cwd=FOLDER,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_document_keeps_every_rule(folder, tmp_path, program, prefix):
    settings = get_settings().model_copy(
        update={"api_prefix": prefix, "public_url": "https://api.acme.dev"}
    )
    code, said = run(program, create_app(settings).openapi(), tmp_path / "openapi.json")
    assert code == 0, said


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fault_is_found(folder, tmp_path, program):
    """The document once had this fault: two paths that clients cannot distinguish."""
    document = create_app(get_settings()).openapi()
    document["paths"]["/blog/categories/{name}"] = {
        "get": document["paths"]["/blog/categories"]["get"]
    }
    code, said = run(program, document, tmp_path / "openapi.json")
    assert code != 0
    assert "/blog/categories" in said.replace("~1", "/")
