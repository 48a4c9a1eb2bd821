"""The application talks only to a provider with a valid TLS certificate."""

import subprocess

import pytest

from app.core import outbound
from app.routers.auth.google.gateway import openid
from tests.auth.google.conftest import said
from tests.support.openid import reply, running_impostor
from tests.support.services import program


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    options = [
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    named = ["-subj", "/CN=impostor", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [
            program("openssl"),
            "req",
            *options,
            *named,
            "-keyout",
            file,
            "-out",
            file.with_name("certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + file.with_name("certificate.pem").read_text())
    return file


@pytest.fixture
def over_tls(use, certificate):
    with running_impostor(certificate) as impostor:
        use(impostor.url)
        yield impostor


@pytest.fixture
def trusted(monkeypatch, certificate):
    """Trust the certificate as if it came from a known authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outbound.tls_context.cache_clear()
    yield
    outbound.tls_context.cache_clear()


def test_a_provider_with_an_untrusted_certificate_is_refused(over_tls, journey):
    assert said(journey.begin()) == {"error": "google_unavailable"}
    assert over_tls.asked.total() == 0


@pytest.mark.usefixtures("trusted")
def test_a_provider_with_a_good_certificate_vouches_for_people(over_tls, journey):
    journey.begin()
    over_tls.vouch("ada", "ada@example.com", journey.asked["nonce"])
    assert "code" in said(journey.come_back())


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("end", openid.ENDPOINTS)
def test_a_provider_on_https_sends_nobody_off_to_plain_http(over_tls, journey, end):
    document = {"issuer": over_tls.url} | {
        other: f"{over_tls.url}/{other}" for other in openid.ENDPOINTS
    }
    document[end] = document[end].replace("https:", "http:")
    over_tls.answers["/.well-known/openid-configuration"] = lambda request: reply(request, document)
    assert said(journey.begin()) == {"error": "google_failed"}


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_not_enough(over_tls, use, journey):
    use(over_tls.url.replace("127.0.0.1", "localhost"))
    assert said(journey.begin()) == {"error": "google_unavailable"}
