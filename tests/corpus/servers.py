"""Zones of NS, DNSBL, CAA and BIMI (RFC 1034, RFC 1982, RFC 2182, RFC 5782, RFC 8659)."""

from __future__ import annotations

from tests.corpus import Case


def soa(serial: int) -> str:
    return f"acme.example SOA ns1.acme.example. hostmaster.acme.example. {serial} 3600 600 604800 300\n"


TWO = (
    "acme.example NS ns1.acme.example.\nacme.example NS ns2.acme.example.\n"
    "ns1.acme.example A 192.0.2.53\nns2.acme.example A 198.51.100.53\n"
)
ZONE = TWO + soa(7) + 'acme.example TXT "v=spf1 -all"\nacme.example MX 10 mx1.acme.example.\n'
A, B = "192.0.2.53", "198.51.100.53"

NS = [
    Case("two servers that agree", "ok ns_ok", "RFC 1034 section 4.2", ZONE),
    Case("the zone is found above", "ok ns_ok", "RFC 1034 section 4.2", ZONE, {"name": "mail.acme.example"}),
    Case("one lags behind", "warn ns_serials_differ", "RFC 1982", ZONE, servers={B: ZONE.replace(" 7 ", " 6 ")}),
    Case("serials wrap around", "warn ns_serials_differ", "RFC 1982", ZONE.replace(" 7 ", " 1 "),
         servers={B: ZONE.replace(" 7 ", " 4294967295 ")}),
    Case("they say different things", "fail ns_answers_differ", "RFC 1034 section 4.3.5", ZONE,
         servers={B: ZONE.replace("mx1.acme", "mx2.acme")}),
    Case("they say different things while one lags", "warn ns_serials_differ", "RFC 1982", ZONE,
         servers={B: ZONE.replace("mx1.acme", "mx2.acme").replace(" 7 ", " 6 ")}, also=("ns_answers_differ",)),
    Case("one is silent", "fail ns_silent", "RFC 2182 section 3.1", ZONE, servers={B: "* ! SILENT"}),
    Case("one refuses", "fail ns_lame", "RFC 1912 section 2.8", ZONE, servers={B: "* ! REFUSED"}),
    Case("one does not own the zone", "fail ns_lame", "RFC 1912 section 2.8", ZONE, servers={B: "* ! LAME"}),
    Case("one fails", "fail ns_lame", "RFC 1912 section 2.8", ZONE, servers={B: "* ! SERVFAIL"}),
    Case("all silent", "unknown ns_all_silent", "RFC 2182 section 3.1", ZONE,
         servers={A: "* ! SILENT", B: "* ! SILENT"}),
    Case("a server without an address", "fail ns_no_address", "RFC 1912 section 2.8",
         ZONE.replace("ns2.acme.example A 198.51.100.53\n", "")),
    Case("a server whose address is not known", "unknown ns_host_unanswered", "",
         ZONE.replace("ns2.acme.example A 198.51.100.53", "ns2.acme.example ! SILENT")),
    Case("only one server", "warn ns_single", "RFC 1034 section 4.1",
         ZONE.replace("acme.example NS ns2.acme.example.\n", "")),
    Case("both in one network", "warn ns_one_network", "RFC 2182 section 3.1",
         ZONE.replace("198.51.100.53", "192.0.2.54")),
    Case("silence", "unknown ns_unanswered", "", "acme.example ! SILENT"),
    Case("no such domain", "fail ns_no_domain", "RFC 1034 section 4.3.2", ""),
]  # fmt: skip

L = "RFC 5782 section 5"
LIST = {"dnsbl": ["bl.example"], "egress": ["192.0.2.10"]}
WORKS = "2.0.0.127.bl.example A 127.0.0.2\n"
DNSBL = [
    Case("clean", "ok dnsbl_clean", L, WORKS, LIST),
    Case("listed", "fail dnsbl_listed", L, WORKS + "10.2.0.192.bl.example A 127.0.0.4", LIST),
    Case("listed with a reason", "fail dnsbl_listed", L,
         WORKS + '10.2.0.192.bl.example A 127.0.0.4\n10.2.0.192.bl.example TXT "spam"', LIST),
    Case("IPv6 listed", "fail dnsbl_listed", L,
         WORKS + f"{'.'.join(reversed('20010db8000000000000000000000010'))}.bl.example A 127.0.0.4",
         {**LIST, "egress": ["2001:db8::10"]}),
    Case("a dead list", "unknown dnsbl_dead", L, "", LIST),
    Case("a list that lists the world", "unknown dnsbl_lists_all", L, WORKS + "1.0.0.127.bl.example A 127.0.0.2", LIST),
    Case("public resolvers refused", "unknown dnsbl_refused", "", "2.0.0.127.bl.example A 127.255.255.254", LIST),
    Case("too many questions", "unknown dnsbl_refused", "",
         WORKS + "10.2.0.192.bl.example A 127.255.255.255", LIST),
    Case("a wildcard of a parked list is no listing", "ok dnsbl_clean", L,
         WORKS + "10.2.0.192.bl.example A 203.0.113.7", LIST),
    Case("silence", "unknown dnsbl_unanswered", L, "2.0.0.127.bl.example ! SILENT", LIST),
]  # fmt: skip

C = "RFC 8659 section "
CAA = [
    Case("one issuer", "ok caa_ok", C + "4", 'acme.example CAA 0 issue "ca.example"'),
    Case("nobody", "ok caa_ok", C + "4", 'acme.example CAA 0 issue ";"'),
    Case("with parameters", "ok caa_ok", C + "4", 'acme.example CAA 0 issue "ca.example; account=1"'),
    Case("found above", "ok caa_ok", C + "4", 'acme.example CAA 0 issue "ca.example"', {"name": "mail.acme.example"}),
    Case("not published", "ok caa_absent", "", 'acme.example TXT "x"'),
    Case("required and not published", "fail caa_missing", "", 'acme.example TXT "x"', {"require": ["caa"]}),
    Case("an unknown critical tag", "warn caa_unknown_critical", C + "4.1", 'acme.example CAA 128 tbs "x"'),
    Case("an unknown tag", "warn caa_unknown_tag", C + "4.1", 'acme.example CAA 0 isue "ca.example"'),
    Case("no issuer's name", "warn caa_bad_issuer", C + "4.2", 'acme.example CAA 0 issue "%%%"'),
    Case("reports to nowhere", "warn caa_bad_iodef", C + "4.4", 'acme.example CAA 0 iodef "someone"'),
    Case("servfail", "unknown caa_unanswered", "", "acme.example ! SERVFAIL"),
]  # fmt: skip

V = "draft-brand-indicators-for-message-identification section 4"
STRONG = '_dmarc.acme.example TXT "v=DMARC1; p=reject"\n'
LOGO = "default._bimi.acme.example TXT "
BIMI = [
    Case("a logo", "ok bimi_ok", V, STRONG + LOGO + '"v=BIMI1; l=https://acme.example/logo.svg"'),
    Case("declined", "ok bimi_ok", V, STRONG + LOGO + '"v=BIMI1; l=; a="'),
    Case("not published", "ok bimi_absent", "", ""),
    Case("DMARC too weak", "warn bimi_dmarc_weak", V,
         STRONG.replace("reject", "none") + LOGO + '"v=BIMI1; l=https://acme.example/logo.svg"'),
    Case("no logo", "warn bimi_no_logo", V, STRONG + LOGO + '"v=BIMI1;"'),
    Case("a logo over http", "warn bimi_bad_logo", V, STRONG + LOGO + '"v=BIMI1; l=http://acme.example/logo.svg"'),
    Case("a mark certificate over http", "warn bimi_bad_evidence", V,
         STRONG + LOGO + '"v=BIMI1; l=https://acme.example/logo.svg; a=http://acme.example/vmc.pem"'),
    Case("two records", "warn bimi_several", V, STRONG + LOGO + '"v=BIMI1; l="\n' + LOGO + '"v=BIMI1; l=; a="'),
    Case("silence", "unknown bimi_unanswered", "", "default._bimi.acme.example ! SILENT"),
]  # fmt: skip
