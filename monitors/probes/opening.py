"""Own how a dialogue probe begins: look up, connect, and, where asked, shake hands and read the certificate."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from monitors.addresses import host_and_port
from monitors.certificates import Certificate, leaf_of
from monitors.probes.attempt import Attempt
from monitors.probes.faults import Fault, fault_of, name_fault
from monitors.probes.trust import ServerOptions, certificate_fault, context_for, note_certificate
from monitors.wire import Wire, WireError, connect, look_up

ReadLeaf = Callable[[ssl.SSLContext], Awaitable[Certificate | None]]
LEAF_SHARE = 0.8
"""Of the time that is left, how much a second handshake may take to read a certificate that we do not trust."""


async def open_wire(attempt: Attempt, options: ServerOptions) -> Wire:
    """A connection, with the phases `dns` and `tcp` timed. Raises Fault; the caller closes the wire."""
    host, port = host_and_port(options.target)
    attempt.begin("dns")
    try:
        ip = await look_up(host, port, options.ip_version)
    except socket.gaierror as error:
        raise name_fault(error, host) from error
    attempt.begin("tcp")
    shown = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    try:
        wire = await connect(ip, port)
    except OSError as error:
        if error.errno is None:
            raise  # our own deadline
        fault = fault_of(error)
        raise Fault(fault.reason, f"{fault.sentence}: {shown}", fault.result) from error
    attempt.is_reached = True
    attempt.transcript.remark(f"connected to {shown}")
    return wire


async def secure(attempt: Attempt, wire: Wire, options: ServerOptions, read_leaf: ReadLeaf | None = None) -> None:
    """Shake hands, with the phase `tls` timed, and note the certificate. Raises Fault.

    `read_leaf` gets the certificate over a new connection that trusts everyone: OpenSSL forgets a
    certificate that it refused, and an operator wants to know whose it is and since when it is over.
    By default TLS starts with the first byte there.
    """
    attempt.begin("tls")
    try:
        await wire.start_tls(context_for(options), options.tls_name)
    except ssl.SSLCertVerificationError as error:
        trusting = context_for(options, verify=False)
        reading = read_leaf(trusting) if read_leaf else leaf_at(options, trusting)
        leaf = await _patiently(reading, attempt.left_s * LEAF_SHARE)
        if leaf is not None:
            attempt.transcript.remark(leaf.text())
        raise certificate_fault(error, options.tls_name, leaf) from error
    except ssl.SSLError as error:
        raise fault_of(error) from error
    attempt.transcript.remark(f"{wire.tls.version()}, {(wire.tls.cipher() or ('no cipher',))[0]}")
    note_certificate(attempt, leaf_of(wire.tls), options.certificate_warn)


async def _patiently(reading: Awaitable[Certificate | None], seconds: float) -> Certificate | None:
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except (OSError, WireError, Fault):  # also our timeout: the first fault is the one to tell
        return None


async def leaf_at(options: ServerOptions, context: ssl.SSLContext) -> Certificate | None:
    """The certificate of a server that speaks TLS from the first byte. Raises OSError, WireError."""
    host, port = host_and_port(options.target)
    wire = await connect(await look_up(host, port, options.ip_version), port)
    try:
        await wire.start_tls(context, options.tls_name)
        return leaf_of(wire.tls)
    finally:
        wire.close()
