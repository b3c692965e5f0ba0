"""Where webhooks may not go: inside, by any spelling; and that what was checked is what is called.

A resolver of our own stands in for the network's, for there is no network.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.common import webhooks
from apps.common.public_address import AddressError, addresses, is_public, place_of
from apps.telemetry.models import AlertDelivery, Budget
from apps.telemetry.services.alert_delivery import deliver
from apps.telemetry.services.budget_alerts import check_budgets
from apps.workspaces.models import Workspace
from tests.telemetry.budgets.keeping import ASKED, HOOK, NOW, URL, kept, use

INSIDE = [
    *(
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://a.b/",
    ),
    *("https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/"),
    *("https://127.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://2130706433/"),
    *("https://0/", "https://0.0.0.0/", "https://0177.0.0.1/", "https://127.0.0.1./"),
    *("https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/"),
    *("https://169.254.169.254/latest/meta-data", "https://224.0.0.1/", "https://255.255.255.255/"),
    *("https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/"),
    *(
        "https://[fc00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[::1/",
    ),
    *("https://intranet/", "https://db.internal/", "https://printer.local/", "https:///path"),
    *("https://user@hooks.example.com/", "https://a:b@hooks.example.com/", "https://a.example#b"),
    *("https://hooks.example.com:22/", "https://hooks.example.com:99999/", "https://a.example/ b"),
    *("https://exämple.com/", "https://a.example/\n", "//hooks.example.com/", "hooks.example.com"),
]
Certificate = tuple[Path, Path]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`resolver("93.184.216.34")`: each name leads there; gives the names that were asked."""

    def leads_to(*found: str) -> list[str]:
        asked: list[str] = []
        known = socket.getaddrinfo

        def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
            if host[0].isdigit():
                return known(host, port, *rest, **named)
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

        monkeypatch.setattr("apps.common.public_address.socket.getaddrinfo", getaddrinfo)
        return asked

    return leads_to


@pytest.mark.usefixtures("at_half_past_ten")
@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "https://localhost/", "https://0x7f.1/", "https://[::1/"),
        *("https://169.254.169.254/latest/meta-data", "https://a:b@hooks.example.com/"),
    ],
)
def test_an_address_inside_is_refused_when_it_is_named(client: Any, url: str) -> None:
    answer = client.post(URL, ASKED | {"webhook_url": url})

    assert answer.status_code == 400
    assert "webhook_url" in answer.json()["error"]["details"]["fields"]
    assert not Budget.objects.exists()


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_is_no_place_to_call(url: str) -> None:
    with pytest.raises(AddressError):
        place_of(url)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://0x7f.1/", "https://169.254.169.254/"]
)
@pytest.mark.usefixtures("at_half_past_ten")
def test_one_that_stands_in_the_database_all_the_same_is_not_called(
    client: Any, workspace: Workspace, url: str
) -> None:
    kept(client, emails=[], thresholds=[80], webhook_url=HOOK)
    Budget.objects.update(webhook_url=url)
    use(workspace, 900)
    check_budgets(now=NOW)
    delivery = AlertDelivery.objects.get()

    deliver(delivery.pk, now=NOW, clock=lambda: NOW)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert delivery.last_error == "The address must be a public one."


@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "10.0.0.1"], ["::1"], ["fe80::1%eth0"]],
)
def test_a_name_that_leads_inside_is_not_called(
    resolver: Callable[..., list[str]], found: list[str]
) -> None:
    resolver(*found)

    with pytest.raises(webhooks.WebhookError, match="not public"):
        webhooks.send(HOOK, webhooks.Message("dlv_1", b"{}"), webhooks.new_secret(), now=NOW)


def test_a_name_that_is_unknown_is_said() -> None:
    with pytest.raises(AddressError, match="could not be resolved"):
        addresses(place_of("https://nowhere.invalid/"))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(("93.184.216.34", True), ("8.8.8.8", True), ("2606:2800:220:1:248:1893:25c8:1946", True)),
        *(("100.64.0.1", False), ("192.0.2.1", False), ("198.18.0.1", False), ("240.0.0.1", False)),
        *(("2001:db8::1", False), ("2001::1", False), ("ff02::1", False), ("hooks", False)),
    ],
)
def test_what_is_public_follows_the_registries(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of hooks.example.com, signed by itself; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """The port of a receiver behind TLS at 127.0.0.1, and the headers that it was sent."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port, seen
    server.shutdown()
    thread.join()
    server.server_close()


def send_to(host: str, port: int) -> int:
    return webhooks.send(
        f"https://{host}:{port}/carbon",
        webhooks.Message("dlv_1", b"{}"),
        webhooks.new_secret(),
        now=NOW,
        may_be_local=True,
    )


def test_the_checked_address_is_called_under_the_hosts_name(
    secure: Any,
    certificate: Certificate,
    resolver: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificate[0]))
    port, seen = secure
    asked = resolver("127.0.0.1")

    assert send_to("hooks.example.com", port) == 204

    assert asked == ["hooks.example.com"]
    assert seen[0]["host"] == f"hooks.example.com:{port}"


def test_a_certificate_of_another_name_is_refused(
    secure: Any,
    certificate: Certificate,
    resolver: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificate[0]))
    resolver("127.0.0.1")

    with pytest.raises(webhooks.WebhookError, match="broke off"):
        send_to("other.example.com", secure[0])
    assert secure[1] == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Any, resolver: Callable[..., list[str]]
) -> None:
    resolver("127.0.0.1")

    with pytest.raises(webhooks.WebhookError, match="broke off"):
        send_to("hooks.example.com", secure[0])
    assert secure[1] == []
