"""DMARC zones (RFC 9989, RFC 9990), with the examples of the specification's appendix."""

from __future__ import annotations

from tests.corpus import Case

M = "RFC 9989 section "
RUA = "rua=mailto:d@acme.example"


def at(text: str, name: str = "acme.example") -> str:
    return f'_dmarc.{name} TXT "{text}"\nacme.example MX 10 mx.acme.example.\n'


CASES = [
    Case("reject with reports", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; p=reject; {RUA}")),
    Case("quarantine with reports", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; p=quarantine; {RUA}")),
    Case("blanks around everything", "ok dmarc_ok", M + "4.10.1", at(f"v = DMARC1 ; p = reject ; {RUA} ; ")),
    Case("p may come late", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; {RUA}; p=reject")),
    Case("values in capitals", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; p=REJECT; {RUA}")),
    Case("a stronger policy below", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; p=quarantine; sp=reject; {RUA}")),
    Case("other texts beside it", "ok dmarc_ok", M + "4.10.1",
         at(f"v=DMARC1; p=reject; {RUA}") + '_dmarc.acme.example TXT "v=spf1 -all"'),
    Case("p=none", "warn dmarc_p_none", M + "4.7", at(f"v=DMARC1; p=none; {RUA}")),
    Case("testing lowers reject", "warn dmarc_testing", M + "4.7", at(f"v=DMARC1; p=reject; t=y; {RUA}")),
    Case("testing lowers quarantine", "warn dmarc_testing", M + "4.7", at(f"v=DMARC1; p=quarantine; t=y; {RUA}")),
    Case("sp weaker", "warn dmarc_weak_below", M + "4.7", at(f"v=DMARC1; p=reject; sp=none; {RUA}")),
    Case("np weaker", "warn dmarc_weak_below", M + "4.7", at(f"v=DMARC1; p=reject; np=none; {RUA}")),
    Case("no rua", "warn dmarc_no_rua", M + "4.7", at("v=DMARC1; p=reject")),
    Case("pct is gone", "warn dmarc_removed_tag", "RFC 9989 appendix C", at(f"v=DMARC1; p=reject; pct=50; {RUA}")),
    Case("an unknown tag", "warn dmarc_unknown_tag", M + "4.7", at(f"v=DMARC1; p=reject; policy=x; {RUA}")),
    Case("a bad alignment mode", "warn dmarc_bad_value", M + "4.7", at(f"v=DMARC1; p=reject; adkim=x; {RUA}")),
    Case("a bad fo", "warn dmarc_bad_value", M + "4.8", at(f"v=DMARC1; p=reject; fo=0:1; {RUA}")),
    Case("a tag twice", "warn dmarc_repeated_tag", "RFC 6376 section 3.2", at(f"v=DMARC1; p=reject; p=none; {RUA}")),
    Case("missing", "fail dmarc_missing", M + "4.10.1", 'acme.example TXT "hello"'),
    Case("only SPF by wildcard", "fail dmarc_missing", M + "4.10.1", '_dmarc.acme.example TXT "v=spf1 -all"'),
    Case("version in small letters", "fail dmarc_not_a_record", M + "4.7", at(f"v=dmarc1; p=reject; {RUA}")),
    Case("version not first", "fail dmarc_not_a_record", M + "4.7", at(f"p=reject; v=DMARC1; {RUA}")),
    Case("a blank before the version", "fail dmarc_not_a_record", M + "4.7", at(f" v=DMARC1; p=reject; {RUA}")),
    Case("version runs on", "fail dmarc_not_a_record", M + "4.7", at(f"v=DMARC12; p=reject; {RUA}")),
    Case("two records", "fail dmarc_several", M + "4.10",
         at(f"v=DMARC1; p=reject; {RUA}") + at(f"v=DMARC1; p=none; {RUA}")),
    Case("no p and no rua", "fail dmarc_not_applied", M + "4.10.1", at("v=DMARC1; adkim=s")),
    Case("no p but rua", "fail dmarc_acts_as_none", M + "4.10.1", at(f"v=DMARC1; {RUA}")),
    Case("an invalid p but rua", "fail dmarc_acts_as_none", M + "4.10.1", at(f"v=DMARC1; p=block; {RUA}")),
    Case("an invalid p", "fail dmarc_not_applied", M + "4.10.1", at("v=DMARC1; p=block")),
    Case("an invalid sp spoils all", "fail dmarc_acts_as_none", M + "4.10.1", at(f"v=DMARC1; p=reject; sp=x; {RUA}")),
    Case("an invalid np without rua", "fail dmarc_not_applied", M + "4.10.1", at("v=DMARC1; p=reject; np=x")),
    Case("an empty p", "fail dmarc_acts_as_none", M + "4.10.1", at(f"v=DMARC1; p=; {RUA}")),
    Case("servfail", "unknown dmarc_unanswered", "", "_dmarc.acme.example ! SERVFAIL"),
    Case("silence", "unknown dmarc_unanswered", "", "_dmarc.acme.example ! SILENT"),
    Case("silence above, while nothing is below", "unknown dmarc_walk_unanswered", M + "4.10",
         'acme.example TXT "hello"\n_dmarc.example ! SILENT'),
    Case("silence above does not matter with a record below", "ok dmarc_ok", M + "4.10.1",
         at(f"v=DMARC1; p=reject; psd=n; {RUA}") + "_dmarc.example ! SILENT"),
    # Reports
    Case("an address without mailto", "warn dmarc_bad_uri", M + "4.7", at("v=DMARC1; p=reject; rua=d@acme.example")),
    Case("mailto without an address", "warn dmarc_bad_uri", M + "4.7", at("v=DMARC1; p=reject; rua=mailto:nobody")),
    Case("an empty rua", "warn dmarc_bad_uri", M + "4.7", at("v=DMARC1; p=reject; rua=")),
    Case("reports over https", "warn dmarc_uri_not_mail", M + "4.7",
         at("v=DMARC1; p=reject; rua=https://acme.example/dmarc")),
    Case("a size limit", "warn dmarc_uri_size", "RFC 9989 appendix C",
         at("v=DMARC1; p=reject; rua=mailto:d@acme.example!10m")),
    Case("the report domain takes no mail", "warn dmarc_rua_no_mail", M + "4.7",
         '_dmarc.acme.example TXT "v=DMARC1; p=reject; rua=mailto:d@acme.example"'),
    Case("the report domain has a null MX", "warn dmarc_rua_no_mail", M + "4.7",
         f'_dmarc.acme.example TXT "v=DMARC1; p=reject; {RUA}"\nacme.example MX 0 .'),
    Case("a report domain with only an address is fine", "ok dmarc_ok", M + "4.10.1",
         f'_dmarc.acme.example TXT "v=DMARC1; p=reject; {RUA}"\nacme.example A 192.0.2.1'),
    Case("reports to a stranger who does not agree", "warn dmarc_rua_unauthorised", "RFC 9990 section 4",
         at("v=DMARC1; p=reject; rua=mailto:d@reports.example") + "reports.example MX 10 mx.reports.example."),
    Case("reports to a stranger who agrees", "ok dmarc_ok", M + "4.10.1",
         at("v=DMARC1; p=reject; rua=mailto:d@reports.example") + "reports.example MX 10 mx.reports.example.\n"
         'acme.example._report._dmarc.reports.example TXT "v=DMARC1"'),
    Case("whether the stranger agrees is not known", "unknown dmarc_rua_unanswered", "RFC 9990 section 4",
         at("v=DMARC1; p=reject; rua=mailto:d@reports.example") + "reports.example MX 10 mx.reports.example.\n"
         "acme.example._report._dmarc.reports.example ! SERVFAIL"),
    Case("reports to a subdomain need no agreement", "ok dmarc_ok", M + "4.10.1",
         at("v=DMARC1; p=reject; rua=mailto:d@r.acme.example") + "r.acme.example MX 10 mx.acme.example."),
    Case("failure reports to a stranger", "warn dmarc_rua_unauthorised", "RFC 9990 section 4",
         at(f"v=DMARC1; p=reject; {RUA}; ruf=mailto:d@reports.example") + "reports.example MX 10 mx.reports.example."),
    # The tree walk
    Case("inherited from above", "ok dmarc_ok", M + "4.10.1", at(f"v=DMARC1; p=reject; {RUA}"),
         {"name": "mail.acme.example"}),
    Case("inherited sp", "warn dmarc_p_none", M + "4.7", at(f"v=DMARC1; p=reject; sp=none; {RUA}"),
         {"name": "mail.acme.example"}),
    Case("two records above are discarded, and the walk goes on", "ok dmarc_ok", M + "4.10.1",
         at("v=DMARC1; p=none", "b.acme.example") + at("v=DMARC1; p=reject", "b.acme.example")
         + at(f"v=DMARC1; p=reject; {RUA}"), {"name": "a.b.acme.example"}),
    Case("a public suffix speaks for those without a record", "ok dmarc_ok", M + "4.10.1",
         at("v=DMARC1; p=reject; psd=y; rua=mailto:d@bank.example", "bank.example")
         + "bank.example MX 10 mx.bank.example.", {"name": "mega.bank.example"}),
    Case("own record, weaker organisation above", "warn dmarc_weak_below", M + "4.7",
         at(f"v=DMARC1; p=reject; {RUA}", "mail.acme.example") + at(f"v=DMARC1; p=none; {RUA}"),
         {"name": "mail.acme.example"}),
    Case("psd=n makes it its own organisation", "ok dmarc_ok", M + "4.10.1",
         at("v=DMARC1; p=reject; psd=n; rua=mailto:d@mail.acme.example", "mail.acme.example")
         + "mail.acme.example MX 10 mx.acme.example.\n" + at(f"v=DMARC1; p=none; {RUA}"),
         {"name": "mail.acme.example"}),
]  # fmt: skip
