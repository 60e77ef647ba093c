"""SPF zones (RFC 7208)."""

from __future__ import annotations

from tests.corpus import Case

S = "RFC 7208 section "


def spf(*terms: str) -> str:
    return f'acme.example TXT "v=spf1 {" ".join(terms)}"\n'


def chain(length: int) -> str:
    """A record that costs so many lookups, one include below the other."""
    names = ["acme.example", *(f"n{number}.example" for number in range(length))]
    links = [f'{names[at]} TXT "v=spf1 include:{names[at + 1]} -all"' for at in range(length)]
    return "\n".join([*links, f'{names[-1]} TXT "v=spf1 ip4:192.0.2.0/24 -all"'])


def wide(count: int) -> str:
    targets = "\n".join(f"n{number}.example A 192.0.2.{number}" for number in range(count))
    return spf(*(f"a:n{number}.example" for number in range(count)), "-all") + targets


EGRESS = {"egress": ["192.0.2.10"]}
V6 = {"egress": ["2001:db8::10"]}

CASES = [
    Case("a plain record", "ok spf_ok", S + "4", spf("ip4:192.0.2.0/24", "-all")),
    Case("soft fail for strangers", "ok spf_ok", S + "4", spf("ip4:192.0.2.0/24", "~all")),
    Case("no mail at all", "ok spf_ok", S + "4", spf("-all")),
    Case("version in capitals", "ok spf_ok", S + "4", 'acme.example TXT "V=SPF1 -all"'),
    Case("mechanisms in capitals", "ok spf_ok", S + "4", spf("IP4:192.0.2.1", "-ALL")),
    Case("several spaces between terms", "ok spf_ok", S + "4", spf("ip4:192.0.2.1", "", "", "-all")),
    Case("other texts beside it", "ok spf_ok", S + "4", spf("-all") + 'acme.example TXT "hello"'),
    Case("an unknown modifier is ignored", "ok spf_ok", S + "4", spf("foo=bar", "-all")),
    Case("an explanation", "ok spf_ok", S + "4", spf("-all", "exp=why.%{d}")),
    Case("a macro in exists", "ok spf_ok", S + "4", spf("exists:%{i}._spf.%{d}", "-all")),
    Case("missing", "fail spf_missing", S + "4.5", 'acme.example TXT "hello"'),
    Case("no such domain", "fail spf_missing", S + "4.5", ""),
    Case("version must end", "fail spf_missing", S + "4.5", 'acme.example TXT "v=spf10 -all"'),
    Case("sender ID is not SPF", "fail spf_missing", S + "4.5", 'acme.example TXT "spf2.0/mfrom -all"'),
    Case("a blank before the version", "fail spf_missing", S + "4.5", "acme.example TXT \" v=spf1 -all\""),
    Case("two records", "fail spf_several", S + "4.5", spf("-all") + spf("mx", "-all")),
    Case("servfail", "unknown spf_unanswered", "", "acme.example ! SERVFAIL"),
    Case("refused", "unknown spf_unanswered", "", "acme.example ! REFUSED"),
    Case("silence", "unknown spf_unanswered", "", "acme.example ! SILENT"),
    Case("lame", "unknown spf_unanswered", "", "acme.example ! LAME"),
    Case("unknown mechanism", "fail spf_syntax", S + "4.6", spf("ipv4:192.0.2.1", "-all")),
    Case("a bare address", "fail spf_syntax", S + "4.6", spf("192.0.2.1", "-all")),
    Case("ip4 without address", "fail spf_syntax", S + "4.6", spf("ip4", "-all")),
    Case("ip4 with an impossible address", "fail spf_syntax", S + "4.6", spf("ip4:192.0.2.300", "-all")),
    Case("ip4 with an impossible length", "fail spf_syntax", S + "4.6", spf("ip4:192.0.2.0/33", "-all")),
    Case("ip6 in ip4", "fail spf_syntax", S + "4.6", spf("ip4:2001:db8::1", "-all")),
    Case("include without a domain", "fail spf_syntax", S + "4.6", spf("include:", "-all")),
    Case("include of a single label", "fail spf_syntax", S + "4.6", spf("include:localhost", "-all")),
    Case("exists without a domain", "fail spf_syntax", S + "4.6", spf("exists", "-all")),
    Case("all with an argument", "fail spf_syntax", S + "4.6", spf("-all:acme.example")),
    Case("a macro of explanations only", "fail spf_syntax", S + "4.6", spf("exists:%{r}.acme.example", "-all")),
    Case("a macro of no labels", "fail spf_syntax", S + "4.6", spf("exists:%{d0}.acme.example", "-all")),
    Case("a macro of ten labels", "ok spf_ok", S + "4", spf("exists:%{d10r-}.acme.example", "-all")),
    Case("a macro that does not exist", "fail spf_syntax", S + "4.6", spf("exists:%{x}.acme.example", "-all")),
    Case("a lonely percent sign", "fail spf_syntax", S + "4.6", spf("exists:%d.acme.example", "-all")),
    Case("two redirects", "fail spf_syntax", S + "4.6", spf("redirect=a.example", "redirect=b.example")),
    Case("beyond ASCII", "fail spf_syntax", S + "4.6", spf("include:müller.example", "-all")),
    Case("a comma instead of a space", "fail spf_syntax", S + "4.6", spf("ip4:192.0.2.1,ip4:192.0.2.2", "-all")),
    Case("a cidr too long for a", "fail spf_syntax", S + "4.6", spf("a/33", "-all")),
    Case("ten lookups are allowed, and near the edge", "warn spf_many_lookups", S + "4.6.4", chain(10)),
    Case("eight lookups are near the edge", "warn spf_many_lookups", S + "4.6.4", wide(8)),
    Case("seven lookups are fine", "ok spf_ok", S + "4", wide(7)),
    Case("eleven lookups in a row", "fail spf_too_many_lookups", S + "4.6.4", wide(11)),
    Case("eleven lookups in depth", "fail spf_too_many_lookups", S + "4.6.4", chain(11)),
    Case("redirect costs a lookup", "fail spf_too_many_lookups", S + "4.6.4",
         wide(10).replace(" -all", " redirect=r.example") + '\nr.example TXT "v=spf1 -all"'),
    Case("terms after all cost nothing", "warn spf_dead_terms", S + "5.1", spf("-all", *["mx"] * 11)),
    Case("two void lookups are allowed", "ok spf_ok", S + "4", spf("a:v1.example", "a:v2.example", "-all")),
    Case("three void lookups", "fail spf_too_many_voids", S + "4.6.4",
         spf("a:v1.example", "a:v2.example", "a:v3.example", "-all")),
    Case("void lookups below an include count", "fail spf_too_many_voids", S + "4.6.4",
         spf("a:v1.example", "mx:v2.example", "include:b.example", "-all")
         + 'b.example TXT "v=spf1 exists:v3.example ~all"'),
    Case("only IPv6 is not void", "ok spf_ok", S + "4",
         spf(*(f"a:v{n}.example" for n in range(3)), "-all")
         + "\n".join(f"v{n}.example AAAA 2001:db8::{n}" for n in range(3))),
    Case("include without a record", "fail spf_include_missing", S + "5.2",
         spf("include:b.example", "-all") + 'b.example TXT "hello"'),
    Case("include of no domain", "fail spf_include_missing", S + "5.2", spf("include:gone.example", "-all")),
    Case("include of a name that DNS cannot carry", "fail spf_include_missing", S + "5.2",
         spf(f"include:{'a' * 64}.example", "-all")),
    Case("redirect to no record", "fail spf_include_missing", S + "6.1", spf("redirect=b.example")),
    Case("include of two records", "fail spf_include_several", S + "4.5",
         spf("include:b.example", "-all") + 'b.example TXT "v=spf1 -all"\nb.example TXT "v=spf1 mx -all"'),
    Case("include of a broken record", "fail spf_include_syntax", S + "4.6",
         spf("include:b.example", "-all") + 'b.example TXT "v=spf1 nonsense -all"'),
    Case("include unanswered", "unknown spf_include_unanswered", "",
         spf("include:b.example", "-all") + "b.example ! SERVFAIL"),
    Case("a certain failure outranks doubt", "fail spf_plus_all", S + "5.1",
         spf("include:b.example", "+all") + "b.example ! SILENT"),
    Case("including oneself", "fail spf_loop", S + "4.6.4", spf("include:acme.example", "-all")),
    Case("a loop of two", "fail spf_loop", S + "4.6.4",
         spf("include:b.example", "-all") + 'b.example TXT "v=spf1 include:acme.example -all"'),
    Case("a loop by redirect", "fail spf_loop", S + "4.6.4",
         spf("redirect=b.example") + 'b.example TXT "v=spf1 redirect=acme.example"'),
    Case("the same include twice is no loop", "ok spf_ok", S + "4",
         spf("include:b.example", "include:c.example", "-all")
         + 'b.example TXT "v=spf1 include:c.example -all"\nc.example TXT "v=spf1 ip4:192.0.2.1 -all"'),
    Case("plus all", "fail spf_plus_all", S + "5.1", spf("mx", "+all"), also=("spf_plus_all",)),
    Case("all without a sign is plus", "fail spf_plus_all", S + "5.1", spf("all")),
    Case("the whole Internet as ip4", "fail spf_plus_all", S + "5.6", spf("ip4:0.0.0.0/0", "-all")),
    Case("the whole Internet in two halves is too wide", "warn spf_wide", S + "11.1",
         spf("ip4:0.0.0.0/1", "ip4:128.0.0.0/1", "-all")),
    Case("plus all behind a redirect", "fail spf_plus_all", S + "5.1",
         spf("redirect=b.example") + 'b.example TXT "v=spf1 +all"'),
    Case("neutral for strangers", "warn spf_neutral_all", S + "8.2", spf("ip4:192.0.2.1", "?all")),
    Case("no all", "warn spf_no_all", S + "5.1", spf("ip4:192.0.2.1")),
    Case("redirect stands for all", "ok spf_ok", S + "4",
         spf("redirect=b.example") + 'b.example TXT "v=spf1 ip4:192.0.2.1 -all"'),
    Case("redirect to a record without all", "warn spf_no_all", S + "5.1",
         spf("redirect=b.example") + 'b.example TXT "v=spf1 ip4:192.0.2.1"'),
    Case("redirect beside all", "warn spf_dead_terms", S + "5.1", spf("-all", "redirect=b.example")),
    Case("ptr", "warn spf_ptr", S + "5.5", spf("ptr", "-all")),
    Case("a network too wide", "warn spf_wide", S + "11.1", spf("ip4:10.0.0.0/8", "-all")),
    Case("a /16 is not too wide", "ok spf_ok", S + "4", spf("ip4:172.16.0.0/16", "-all")),
    Case("an IPv6 network too wide", "warn spf_wide", S + "11.1", spf("ip6:2001::/16", "-all")),
    Case("a long record", "warn spf_long", S + "3.4", spf(*(f"ip4:192.0.2.{n}" for n in range(40)), "-all")),
    Case("a relic of type 99", "warn spf_type99", S + "3.1", spf("-all") + "acme.example SPF v=spf1"),
    Case("an mx term with eleven servers", "fail spf_mx_too_wide", S + "4.6.4",
         spf("mx", "-all") + "\n".join(f"acme.example MX 10 m{n}.example." for n in range(11))),
    # Our own addresses
    Case("our address passes by ip4", "ok spf_ok", S + "4", spf("ip4:192.0.2.0/28", "-all"), EGRESS),
    Case("our address passes by a", "ok spf_ok", S + "4", spf("a", "-all") + "acme.example A 192.0.2.10", EGRESS),
    Case("our address passes by a with length", "ok spf_ok", S + "4",
         spf("a/24", "-all") + "acme.example A 192.0.2.200", EGRESS),
    Case("our address passes by mx", "ok spf_ok", S + "4",
         spf("mx", "-all") + "acme.example MX 10 m.example.\nm.example A 192.0.2.10", EGRESS),
    Case("our address passes by include", "ok spf_ok", S + "4",
         spf("include:b.example", "-all") + 'b.example TXT "v=spf1 ip4:192.0.2.10 ~all"', EGRESS),
    Case("our address passes by redirect", "ok spf_ok", S + "4",
         spf("redirect=b.example") + 'b.example TXT "v=spf1 ip4:192.0.2.10 -all"', EGRESS),
    Case("our address passes by exists", "ok spf_ok", S + "4",
         spf("exists:%{ir}.ok.example", "-all") + "10.2.0.192.ok.example A 127.0.0.2", EGRESS),
    Case("our address passes by ptr", "warn spf_ptr", S + "5.5",
         spf("ptr", "-all") + "10.2.0.192.in-addr.arpa PTR m.acme.example.\nm.acme.example A 192.0.2.10", EGRESS),
    Case("our IPv6 address passes", "ok spf_ok", S + "4", spf("ip6:2001:db8::/32", "-all"), V6),
    Case("our IPv6 address passes by a with both lengths", "ok spf_ok", S + "4",
         spf("a/24//64", "-all") + "acme.example AAAA 2001:db8::1", V6),
    Case("our IPv6 address by macro in nibbles", "ok spf_ok", S + "4",
         spf("exists:%{ir}.%{v}.ok.example", "-all")
         + f"{'.'.join(reversed('20010db8000000000000000000000010'))}.ip6.ok.example A 127.0.0.2", V6),
    Case("our address fails", "fail spf_egress_not_pass", S + "2.6", spf("ip4:198.51.100.0/24", "-all"), EGRESS),
    Case("our address only softfails", "fail spf_egress_not_pass", S + "2.6", spf("~all"), EGRESS),
    Case("our IPv6 address is forgotten", "fail spf_egress_not_pass", S + "2.6", spf("ip4:192.0.2.0/24", "-all"), V6),
    Case("an include that fails us does not end it", "ok spf_ok", S + "4",
         spf("include:b.example", "ip4:192.0.2.10", "-all") + 'b.example TXT "v=spf1 -all"', EGRESS),
    Case("an earlier minus wins", "fail spf_egress_not_pass", S + "2.6",
         spf("-ip4:192.0.2.10", "ip4:192.0.2.0/24", "-all"), EGRESS),
    Case("whether we pass is not known", "unknown spf_egress_unknown", S + "2.6.6",
         spf("a:b.example", "-all") + "b.example ! SILENT", EGRESS),
    Case("at the envelope domain", "fail spf_missing", S + "4.5", spf("-all"), {"envelope": ["pm.acme.example"]}),
]  # fmt: skip
