"""Own the typed faults of a probe, and how the words of the system, of TLS and of the wire become one."""

from __future__ import annotations

import errno
import socket
import ssl

from monitors.options import SecretError
from monitors.results import Result
from monitors.wire import ClosedError, InjectionError, TooMuchSaidError, WireError


class Fault(Exception):  # noqa: N818 - the target's fault, not an error of ours
    """The probe found what is wrong: a reason code and a sentence for people.

    Result `unknown` is for faults of our own (no resolver, no route, secret not readable): they say
    nothing about the target.
    """

    def __init__(self, reason: str, sentence: str, result: Result = Result.FAIL) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.result = result


FAULT_BY_ERRNO = {
    errno.ECONNREFUSED: ("refused", "the connection was refused", Result.FAIL),
    errno.ECONNRESET: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.EPIPE: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.ECONNABORTED: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.ETIMEDOUT: ("timeout", "the connection timed out", Result.FAIL),
    errno.EHOSTUNREACH: ("host_unreachable", "the host cannot be reached", Result.FAIL),
    errno.ENETUNREACH: ("no_route", "this prober has no route to the address", Result.UNKNOWN),
    errno.EADDRNOTAVAIL: ("no_route", "this prober has no address to connect from", Result.UNKNOWN),
    errno.EAFNOSUPPORT: ("no_route", "this prober does not speak the address family", Result.UNKNOWN),
    errno.EMFILE: ("prober_exhausted", "this prober has no file descriptors left", Result.UNKNOWN),
    errno.ENFILE: ("prober_exhausted", "this prober has no file descriptors left", Result.UNKNOWN),
}


def resolver_silence(timeout_s: float) -> Fault:
    """Our own resolver gave no answer: that says nothing about the target."""
    return Fault("resolver_failed", f"our resolver gave no answer within {timeout_s:g} s", Result.UNKNOWN)


WIRE_FAULTS: dict[type[WireError], tuple[str, str]] = {
    TooMuchSaidError: ("too_much_said", "the server sent more than a probe takes"),
    ClosedError: ("closed", "the server closed the connection"),
    InjectionError: ("starttls_injection", "plain text followed the answer to STARTTLS: someone may be in between"),
}


def fault_of(error: OSError | SecretError | WireError) -> Fault:
    """The system's or the wire's words, told apart as refused, reset, unreachable, not found or our own trouble."""
    if isinstance(error, WireError):
        return Fault(*WIRE_FAULTS[type(error)])
    if isinstance(error, SecretError):
        return Fault("secret_missing", f"a secret cannot be read: {error}", Result.UNKNOWN)
    if isinstance(error, ssl.SSLError):
        return handshake_fault(error)
    if isinstance(error, socket.gaierror):
        return name_fault(error, "the host name")
    known = FAULT_BY_ERRNO.get(error.errno or 0)
    if known is None:
        return Fault("connection_failed", f"the connection failed: {error.strerror or error}")
    return Fault(*known)


# A name that does not exist is the target's fault; a resolver that gives no answer is ours, and tells nothing.
NAME_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def name_fault(error: socket.gaierror, name: str) -> Fault:
    if error.errno in NAME_NOT_FOUND:
        return Fault("name_not_found", f"{name} does not resolve to an address")
    return Fault("resolver_failed", f"our resolver could not look up {name}: {error.strerror}", Result.UNKNOWN)


# OpenSSL's reasons, as Python names them, that mean "no version of TLS in common".
VERSION_REASONS = {
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "UNKNOWN_PROTOCOL",
    "SSLV3_ALERT_PROTOCOL_VERSION",
}
NOT_TLS_REASONS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "BAD_RECORD_TYPE",
}


def handshake_fault(error: ssl.SSLError) -> Fault:
    """The fault of a handshake that failed for another reason than the certificate."""
    return handshake_cause_fault(error.reason or str(error))


def handshake_cause_fault(words: str) -> Fault:
    """The same from OpenSSL's words alone, in either spelling: `WRONG_VERSION_NUMBER`, `wrong version number`."""
    cause = words.strip().upper().replace(" ", "_")
    if cause in VERSION_REASONS:
        return Fault("tls_too_old", "the server offers no version of TLS that is still safe (1.2 or newer, RFC 8996)")
    if cause in NOT_TLS_REASONS:
        return Fault("not_tls", "the server does not speak TLS on this port")
    if "CERTIFICATE_REQUIRED" in cause or "HANDSHAKE_FAILURE" in cause:
        return Fault("tls_refused", f"the server refused the TLS handshake: {_in_words(cause)}")
    return Fault("tls_failed", f"the TLS handshake failed: {_in_words(cause)}")


def _in_words(cause: str) -> str:
    return cause.replace("_", " ").lower()
