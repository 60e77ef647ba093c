"""Own what an HTTP answer amounts to: the reason and the sentence for every way in which it can be wrong."""

from __future__ import annotations

import errno
from datetime import datetime
from http import HTTPStatus

import pycurl

from monitors.certificates import expiry_warning, verification_fault
from monitors.evidence import excerpt
from monitors.probes.attempt import PHASE_WORDS, Remark
from monitors.probes.expectations import Failure, header_failure, json_failure, text_failure
from monitors.probes.faults import FAULT_BY_ERRNO, Fault, handshake_cause_fault, resolver_silence
from monitors.probes.http.answer import Answer
from monitors.probes.http.options import HttpOptions
from monitors.results import Result

CERTIFICATE_CODES = {pycurl.E_SSL_CACERT, pycurl.E_PEER_FAILED_VERIFICATION}
NAME_CODES = {pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY}

# libcurl's codes that need no second look at its words; 92 (HTTP2_STREAM) and 100 (TOO_LARGE) have no name in pycurl.
PLAIN_FAULTS = {
    pycurl.E_GOT_NOTHING: ("closed", "the server closed the connection without an answer"),
    pycurl.E_PARTIAL_FILE: ("closed", "the server closed the connection in the middle of its answer"),
    pycurl.E_UNSUPPORTED_PROTOCOL: ("not_http", "what answers is not HTTP"),
    pycurl.E_FTP_WEIRD_SERVER_REPLY: ("not_http", "what answers is not HTTP"),
    pycurl.E_BAD_CONTENT_ENCODING: ("not_http", "the answer breaks the rules of HTTP"),
    pycurl.E_HTTP2: ("http2_failed", "the server broke the rules of HTTP/2"),
    92: ("http2_failed", "the server broke off the HTTP/2 stream"),
    pycurl.E_TOO_MANY_REDIRECTS: ("too_many_redirects", "the server redirects in a circle, or too often"),
    100: ("header_too_large", "the header of the answer is too large"),
}
OUR_FAULTS = {
    pycurl.E_SSL_CERTPROBLEM: ("trust_unusable", "our own client certificate cannot be used"),
    pycurl.E_SSL_CACERT_BADFILE: ("trust_unusable", "our own file of trusted certificates cannot be read"),
    pycurl.E_OUT_OF_MEMORY: ("prober_exhausted", "this prober is out of memory"),
}


def exchange_fault(options: HttpOptions, answer: Answer, timeout_s: float, now: datetime) -> Fault:
    """Why there is no whole HTTP answer. A failed look-up is left to the caller to tell apart."""
    code, words = answer.code, answer.words
    if code in CERTIFICATE_CODES:
        # libcurl compares the name itself, after OpenSSL was content, and leaves no code for it.
        verify_code = 62 if "subject name" in words else answer.verify_code
        return Fault(*verification_fault(verify_code, excerpt(words), options.host_name, answer.leaf, now))
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _timeout(options, answer, timeout_s)
    if code == pycurl.E_FILESIZE_EXCEEDED:
        return Fault(
            "body_too_long", f"the body is longer than {options.body_limit_bytes} bytes; body_limit_bytes allows more"
        )
    if code in PLAIN_FAULTS:
        return Fault(*PLAIN_FAULTS[code])
    if code in OUR_FAULTS:
        reason, sentence = OUR_FAULTS[code]
        return Fault(reason, f"{sentence}: {excerpt(words)}", Result.UNKNOWN)
    return _connection_fault(options, answer)


def _connection_fault(options: HttpOptions, answer: Answer) -> Fault:
    host, port = options.target
    # After a handshake the errno is that of an earlier address of the same name.
    known = FAULT_BY_ERRNO.get(answer.os_errno) if answer.code != pycurl.E_SSL_CONNECT_ERROR else None
    words = answer.words.lower()
    if known is None and "reset by peer" in words:
        known = FAULT_BY_ERRNO[errno.ECONNRESET]
    if known is not None:
        reason, sentence, result = known
        return Fault(reason, f"{sentence}: {host} port {port}", result)
    if "headers" in words and "large" in words:
        return Fault("header_too_large", "the header of the answer is too large")
    if answer.code == pycurl.E_SSL_CONNECT_ERROR:
        return handshake_cause_fault(answer.words.rpartition("::")[2] or answer.words)
    if options.proxy and answer.code == pycurl.E_COULDNT_CONNECT:
        return Fault("proxy_failed", f"the proxy cannot be used: {excerpt(answer.words)}")
    return Fault("http_failed", f"no HTTP answer: {excerpt(answer.words)}")


def _timeout(options: HttpOptions, answer: Answer, timeout_s: float) -> Fault:
    named, connected, encrypted, _, answered, _ = answer.times_ms
    if not connected and not named:
        return resolver_silence(timeout_s)
    if not connected:
        phase = "tcp"
    elif options.is_tls and not encrypted:
        phase = "tls"
    else:
        phase = "transfer" if answered else "processing"
    return Fault("timeout", f"no whole answer within {timeout_s:g} s, {PHASE_WORDS[phase]}")


def answer_failure(options: HttpOptions, answer: Answer) -> Failure | None:
    """The first expectation that a whole answer does not meet: status, version, headers, text, JSON in this order."""
    expect = options.expect
    if answer.status not in expect.status:
        return _status_failure(options, answer)
    if expect.http_version and answer.http_version != expect.http_version:
        return "http_version_differs", f"[http_version] ({answer.http_version}) == {expect.http_version}"
    if expect.headers and (failure := header_failure(answer.headers(), expect.headers)):
        return failure
    if failure := text_failure(answer.body, expect.body, expect.body_absent, expect.matches):
        return failure
    return json_failure(answer.body, expect.json_fields) if expect.json_fields else None


def _status_failure(options: HttpOptions, answer: Answer) -> Failure:
    status = answer.status
    reason = f"status_{status // 100}xx" if 300 <= status <= 599 else "status_unexpected"
    said = excerpt(answer.body, 80)
    return reason, f"HTTP {in_words(status)}, expected {spans(options.expect.status)}" + (
        f'; it said "{said}"' if said else ""
    )


def in_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def spans(statuses: frozenset[int]) -> str:
    """`200, 301-308`: the accepted codes as a person writes them."""
    found: list[list[int]] = []
    for status in sorted(statuses):
        if found and found[-1][1] == status - 1:
            found[-1][1] = status
        else:
            found.append([status, status])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def warnings(options: HttpOptions, answer: Answer, now: datetime) -> list[Remark]:
    """What is not wrong yet: too slow, or a certificate that ends soon."""
    found = []
    under = options.expect.under
    if under is not None and answer.total_ms > under.total_seconds() * 1000:
        found.append(
            Remark(
                "slow", f"answered in {answer.total_ms:.0f} ms, expected under {under.total_seconds() * 1000:.0f} ms"
            )
        )
    if (
        answer.leaf
        and options.is_tls
        and (ending := expiry_warning(answer.leaf.not_after, now, options.certificate_warn))
    ):
        found.append(Remark(*ending))
    return found
