"""Own the zoo of bad servers: scripted misbehaviour on loopback, and certificates of every kind of wrong."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[[socket.socket], None]
"""What a server does with one connection; the connection is closed after it."""
PATIENCE_S = 10.0
"""No script outlives this, whatever a test does."""


class Zoo:
    """One bad server. `address` is what to probe."""

    def __init__(self, script: Script, family: socket.AddressFamily = socket.AF_INET) -> None:
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self._listener = socket.create_server((host, 0), family=family)
        self._script = script
        self._ended = threading.Event()
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.address = f"{host}:{self.port}" if family == socket.AF_INET else f"[{host}]:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE_S)
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            self._script(connection)

    def __enter__(self) -> Zoo:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)


# Scripts


def wait_for_the_end(connection: socket.socket) -> None:
    """Read and forget until the other side leaves."""
    while connection.recv(65_536):
        pass


def silence(connection: socket.socket) -> None:
    wait_for_the_end(connection)


def reset(connection: socket.socket) -> None:
    """Answer the first bytes, or nothing, with RST."""
    connection.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        connection.recv(1024)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close_at_once(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    wait_for_the_end(connection)


def saying(*parts: bytes, then: Script = wait_for_the_end) -> Script:
    """Say all of it at once, whatever is asked, and then do something else."""

    def script(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
        then(connection)

    return script


def answering(answer: bytes) -> Script:
    """Wait for the first bytes of a question, answer, and close."""

    def script(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    return script


def endless(start: bytes, piece: bytes, is_asked: bool = False) -> Script:
    """Never stop talking."""

    def script(connection: socket.socket) -> None:
        if is_asked:
            connection.recv(65_536)
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return script


def dripping(said: bytes, pause_s: float = 0.1) -> Script:
    """A slow loris: one byte at a time, so that something always comes and never enough."""

    def script(connection: socket.socket) -> None:
        wake = threading.Event()
        for byte in said * 100:
            connection.sendall(bytes([byte]))
            wake.wait(pause_s)

    return script


def dialogue(banner: bytes, *exchanges: tuple[bytes, bytes]) -> Script:
    """A line server: for a line that begins with the first, say the second; else 500."""

    def script(connection: socket.socket) -> None:
        connection.sendall(banner)
        for line in connection.makefile("rb"):
            known = (said for start, said in exchanges if line.upper().startswith(start))
            connection.sendall(next(known, b"500 what?\r\n"))

    return script


def behind_tls(context: ssl.SSLContext, script: Script) -> Script:
    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as protected:
            script(protected)  # type: ignore[arg-type]

    return wrapped


def after_starttls(context: ssl.SSLContext, script: Script, extra: bytes = b"") -> Script:
    """An SMTP server up to its STARTTLS, then TLS, then the script."""

    def wrapped(connection: socket.socket) -> None:
        connection.sendall(b"220 zoo ESMTP\r\n")
        while line := connection.recv(1024).upper():
            if line.startswith(b"STARTTLS"):
                connection.sendall(b"220 go ahead\r\n" + extra)
                break
            connection.sendall(b"250-zoo\r\n250 STARTTLS\r\n")
        with context.wrap_socket(connection, server_side=True) as protected:
            script(protected)  # type: ignore[arg-type]

    return wrapped


@contextmanager
def refusing() -> Iterator[str]:
    """An address where nothing listens, kept from others meanwhile."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{kept.getsockname()[1]}"


@contextmanager
def deaf() -> Iterator[str]:
    """An address that drops every SYN, as a firewall does: its queue of connections is full and nobody empties it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as kept, contextlib.ExitStack() as held:
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(kept.getsockname())
        yield f"127.0.0.1:{kept.getsockname()[1]}"


# Certificates


A_DAY_AGO = -timedelta(days=1)
LATER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of one test run; `file` is what a monitor trusts."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.directory / "ca.pem"

    def context(
        self, name: str = "localhost", begins: timedelta = A_DAY_AGO, ends: timedelta = LATER
    ) -> ssl.SSLContext:
        """A server's TLS with a certificate for the name, valid from `begins` to `ends` from now."""
        return server_context(self.write(name, begins, ends))

    def write(self, name: str, begins: timedelta = A_DAY_AGO, ends: timedelta = LATER) -> Path:
        """A file with certificate and key, for servers and clients."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = signed(name, key, self.certificate.subject, self.key, begins, ends)
        path = self.directory / f"{name}-{certificate.serial_number:x}.pem"
        path.write_bytes(pem(certificate) + pem_key(key))
        return path


def authority(directory: Path, name: str = "Zoo authority") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = signed(name, key, subject, key, -timedelta(days=400), timedelta(days=400), is_authority=True)
    made = Authority(directory, key, certificate)
    made.file.write_bytes(pem(certificate))
    return made


def signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    begins: timedelta,
    ends: timedelta,
    is_authority: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name.replace(" ", "-"))]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def server_context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def obsolete(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same server, of 2009: TLS 1.0 only."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # which is the point
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context
