"""Own Postfix: a real SMTP server with STARTTLS and a real queue, relaying nowhere or to a sink of the test's."""

from __future__ import annotations

import os
from pathlib import Path

from tests.peers.peer import MissingPeerError, Peer, free_port, is_listening

SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

SETTINGS = """
compatibility_level = 3.6
config_directory = {directory}/etc
queue_directory = {directory}/queue
data_directory = {directory}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.mail.test
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtputf8_enable = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {directory}/certificate.pem
smtpd_tls_key_file = {directory}/key.pem
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
relayhost = {relayhost}
default_process_limit = 20
smtpd_client_connection_rate_limit = 0
"""


class Postfix(Peer):
    """SMTP at 127.0.0.1:`port`; accepts mail for any address. Without `relay_port` all mail is deferred.

    `set("defer_transports", "smtp")` changes a setting of the running server.
    """

    package = "postfix"
    program = "postfix"
    stops_within_s = 10.0

    def __init__(self, relay_port: int | None = None) -> None:
        super().__init__()
        self.relay_port = relay_port

    @classmethod
    def require(cls) -> None:
        super().require()
        if os.geteuid() != 0:
            raise MissingPeerError("postfix starts only as root")

    @property
    def configuration(self) -> Path:
        return self.directory / "etc"

    @property
    def ca_file(self) -> Path:
        return self.directory / "certificate.pem"

    def configure(self) -> None:
        self.port = free_port()
        for name in ("etc", "queue", "lib"):
            (self.directory / name).mkdir(exist_ok=True)
        self.run("chown", "postfix", str(self.directory / "lib"))
        relayhost = f"[127.0.0.1]:{self.relay_port or free_port()}"
        (self.configuration / "master.cf").write_text(SERVICES.format(port=self.port))
        (self.configuration / "main.cf").write_text(SETTINGS.format(directory=self.directory, relayhost=relayhost))
        (self.configuration / "dynamicmaps.cf").touch()
        self.make_certificate()
        self.run("postfix", "-c", str(self.configuration), "check")

    def make_certificate(self) -> None:
        files = ["-keyout", str(self.directory / "key.pem"), "-out", str(self.ca_file)]
        names = ["-subj", "/CN=mx.mail.test", "-addext", "subjectAltName=DNS:mx.mail.test,IP:127.0.0.1"]
        kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90"]
        self.run("openssl", "req", *kind, *files, *names)

    def launch(self) -> None:
        self.spawn("/usr/lib/postfix/sbin/master", "-d", "-c", str(self.configuration))

    def set(self, name: str, value: str) -> None:
        self.run("postconf", "-c", str(self.configuration), "-e", f"{name}={value}")
        self.run("postfix", "-c", str(self.configuration), "reload")

    def queue(self) -> list[str]:
        """Lines of `postqueue -j`, one JSON object a message."""
        return self.run("postqueue", "-c", str(self.configuration), "-j").splitlines()

    def flush(self) -> None:
        self.run("postqueue", "-c", str(self.configuration), "-f")

    def control(self, *words: str) -> str:
        """`postsuper` with this instance's configuration."""
        return self.run("postsuper", "-c", str(self.configuration), *words)

    def is_ready(self) -> bool:
        return is_listening(self.port)
