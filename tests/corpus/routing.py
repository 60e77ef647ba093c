"""MX and PTR zones (RFC 5321, RFC 7505, RFC 2181, RFC 8601, RFC 1912)."""

from __future__ import annotations

from tests.corpus import Case

X = "RFC 5321 section 5.1"
I = "RFC 8601 section 2.7.3"  # noqa: E741 - iprev
MX1 = "acme.example MX 10 mx1.acme.example.\nmx1.acme.example A 192.0.2.1\n"
OUT = {"egress": ["192.0.2.10"]}
NAMED = "10.2.0.192.in-addr.arpa PTR mail.acme.example.\n"
BACK = "mail.acme.example A 192.0.2.10\n"

MX = [
    Case("one server", "ok mx_ok", X, MX1),
    Case("IPv6 only", "ok mx_ok", X, "acme.example MX 10 m.acme.example.\nm.acme.example AAAA 2001:db8::1"),
    Case("the expected server", "ok mx_ok", X, MX1, {"mx": ["mx1.acme.example"]}),
    Case("the expected server in capitals", "ok mx_ok", X, MX1, {"mx": ["MX1.Acme.Example."]}),
    Case("an expected server is missing", "warn mx_less", "", MX1, {"mx": ["mx1.acme.example", "mx2.acme.example"]}),
    Case("a server that is not expected", "warn mx_more", "",
         MX1 + "acme.example MX 20 x.example.\nx.example A 192.0.2.9", {"mx": ["mx1.acme.example"]}),
    Case("none of the expected servers", "fail mx_other", "", MX1, {"mx": ["mx9.acme.example"]}),
    Case("no MX and no address", "fail mx_missing", X, 'acme.example TXT "x"'),
    Case("no MX but an address", "warn mx_implicit", X, "acme.example A 192.0.2.1"),
    Case("no MX where none is meant", "ok mx_ok", X, 'acme.example TXT "x"', {"receives": False}),
    Case("null MX on a receiving domain", "fail mx_null", "RFC 7505 section 3", "acme.example MX 0 ."),
    Case("null MX where none is meant", "ok mx_ok", X, "acme.example MX 0 .", {"receives": False}),
    Case("null MX beside another", "fail mx_null_and_others", "RFC 7505 section 3", MX1 + "acme.example MX 0 ."),
    Case("a server without an address", "fail mx_no_address", X, "acme.example MX 10 gone.acme.example."),
    Case("one of two without an address", "fail mx_no_address", X, MX1 + "acme.example MX 20 gone.acme.example."),
    Case("an address as server", "fail mx_is_address", X, "acme.example MX 10 192.0.2.1."),
    Case("an alias as server", "warn mx_alias", "RFC 2181 section 10.3",
         "acme.example MX 10 m.acme.example.\nm.acme.example CNAME r.example.\nr.example A 192.0.2.1"),
    Case("servfail", "unknown mx_unanswered", "", "acme.example ! SERVFAIL"),
    Case("silence about a server", "unknown mx_host_unanswered", "",
         "acme.example MX 10 m.acme.example.\nm.acme.example ! SILENT"),
]  # fmt: skip

PTR = [
    Case("named and confirmed", "ok ptr_ok", I, NAMED + BACK, OUT),
    Case("IPv6 named and confirmed", "ok ptr_ok", I,
         f"{'.'.join(reversed('20010db8000000000000000000000010'))}.ip6.arpa PTR mail.acme.example.\n"
         "mail.acme.example AAAA 2001:db8::10", {"egress": ["2001:db8::10"]}),
    Case("greets by its name", "ok ptr_ok", I, NAMED + BACK, {**OUT, "ehlo": ["mail.acme.example"]}),
    Case("no name", "fail ptr_missing", "RFC 1912 section 2.1", "", OUT),
    Case("not confirmed", "fail ptr_not_confirmed", I, NAMED + "mail.acme.example A 192.0.2.99", OUT),
    Case("a name that does not exist", "fail ptr_not_confirmed", I, NAMED, OUT),
    Case("several names", "warn ptr_several", "RFC 1912 section 2.1",
         NAMED + BACK + "10.2.0.192.in-addr.arpa PTR b.acme.example.", OUT),
    Case("greets by another name", "warn ptr_not_ehlo", "RFC 5321 section 4.1.4", NAMED + BACK,
         {**OUT, "ehlo": ["out.acme.example"]}),
    Case("a name made of the address", "warn ptr_generic", "",
         "10.2.0.192.in-addr.arpa PTR 192-0-2-10.isp.example.\n192-0-2-10.isp.example A 192.0.2.10", OUT),
    Case("a name that says dynamic", "warn ptr_generic", "",
         "10.2.0.192.in-addr.arpa PTR dyn-7.isp.example.\ndyn-7.isp.example A 192.0.2.10", OUT),
    Case("silence", "unknown ptr_unanswered", "", "10.2.0.192.in-addr.arpa ! SILENT", OUT),
    Case("silence forward", "unknown ptr_forward_unanswered", I, NAMED + "mail.acme.example ! SILENT", OUT),
    Case("the greeting leads to us", "ok ehlo_ok", "RFC 5321 section 4.1.1.1", NAMED + BACK,
         {**OUT, "ehlo": ["mail.acme.example"]}, judged=1),
    Case("the greeting leads elsewhere", "warn ehlo_elsewhere", "RFC 5321 section 4.1.1.1",
         "mail.acme.example A 192.0.2.99", {**OUT, "ehlo": ["mail.acme.example"]}, judged=1),
    Case("the greeting leads nowhere", "fail ehlo_unresolvable", "RFC 5321 section 4.1.1.1", "",
         {**OUT, "ehlo": ["mail.acme.example"]}, judged=1),
]  # fmt: skip
