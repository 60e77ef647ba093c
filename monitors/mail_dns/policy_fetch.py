"""Own the fetching of an MTA-STS policy: HTTPS to addresses that DNS gave, no redirects, bounded (RFC 8461 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pycurl

from monitors.certificates import system_bundle
from monitors.curls import curls_for
from monitors.mail_dns.facts import Policy, PolicyQuestion

POLICY_LIMIT_BYTES = 64 * 1024
"""What RFC 8461 section 3.3 lets a sender stop at."""
CERTIFICATE_ERRORS = {pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT}


async def fetch_policy(question: PolicyQuestion, port: int, ca: Path | None, timeout_s: float) -> Policy:
    """The answer of the policy host, or why there is none. Never raises for what the network does."""
    trust = str(ca) if ca else system_bundle()
    body: list[bytes] = []
    curl = _handle(question, port, trust, timeout_s)
    curl.setopt(pycurl.WRITEFUNCTION, _bounded(body))
    code, words = await curls_for(trust).perform(curl)
    if code == pycurl.E_WRITE_ERROR:
        return Policy(status=200, error=f"the policy is larger than {POLICY_LIMIT_BYTES} bytes")
    if code:
        return Policy(error=words, is_certificate_error=code in CERTIFICATE_ERRORS)
    status = int(curl.getinfo(pycurl.RESPONSE_CODE))
    content_type = str(curl.getinfo(pycurl.CONTENT_TYPE) or "")
    text = b"".join(body).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Policy(status, content_type, text)


def _bounded(body: list[bytes]) -> Callable[[bytes], int]:
    left = POLICY_LIMIT_BYTES

    def take(part: bytes) -> int:
        nonlocal left
        left -= len(part)
        if left < 0:
            return -1
        body.append(part)
        return len(part)

    return take


def _handle(question: PolicyQuestion, port: int, trust: str, timeout_s: float) -> pycurl.Curl:
    host = f"mta-sts.{question.domain}"
    addresses = ",".join(f"[{one}]" if ":" in one else one for one in question.addresses)
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"https://{host}:{port}/.well-known/mta-sts.txt")
    # The addresses of our own resolver's answer: libcurl must not ask the machine's.
    curl.setopt(pycurl.RESOLVE, [f"{host}:{port}:{addresses}"])
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.CAINFO, trust)
    curl.setopt(pycurl.FOLLOWLOCATION, 0)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
    return curl
