"""Own `manage.py domain`: judge a domain's mail DNS now, with or without configuration."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from pydantic import ValidationError

from monitors.mail_dns.fetch import evaluate
from monitors.mail_dns.judging import not_judged
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.report import EXIT_BY_RESULT, domain_as_json, domain_as_lines, verdict_of

LISTS = ("dkim", "egress", "envelope", "ehlo", "mx", "dnsbl", "require", "skip")

EX_USAGE = 64
"""Of sysexits.h: 1 to 3 are verdicts here, and a slip of the pen is none."""


class Command(BaseCommand):
    help = "Judge a domain's mail DNS now. Exit code: 0 ok, 1 warn, 2 fail, 3 unknown."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--resolver", metavar="IP[:PORT]", help="ask this DNS server instead of the system's")
        parser.add_argument("--validating", action="store_true", help="trust the resolver's AD bit (for DANE)")
        parser.add_argument("--dkim", action="append", metavar="SELECTOR")
        parser.add_argument("--egress", action="append", metavar="IP", help="an address that sends mail")
        parser.add_argument("--envelope", action="append", metavar="DOMAIN", help="judge SPF there instead")
        parser.add_argument("--ehlo", action="append", metavar="NAME")
        parser.add_argument("--mx", action="append", metavar="HOST", help="an expected mail server")
        parser.add_argument("--dnsbl", action="append", metavar="ZONE")
        parser.add_argument("--require", action="append", metavar="RECORD", help="fail if it is not published")
        parser.add_argument("--skip", action="append", metavar="RECORD")
        parser.add_argument("--ca", metavar="FILE", help="trust these certificates for the MTA-STS policy")
        parser.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **given: Any) -> None:
        options = options_of(given)
        evaluation = asyncio.run(evaluate(options, given["timeout"]))
        unjudged = not_judged(options, {one.record for one in evaluation.judgements})
        if given["json"]:
            told = json.dumps(
                domain_as_json(options.name, evaluation.judgements, unjudged), indent=2, ensure_ascii=False
            )
        else:
            told = "\n".join(domain_as_lines(options.name, evaluation.judgements, unjudged))
        self.stdout.write(told)
        sys.exit(EXIT_BY_RESULT[verdict_of(evaluation.judgements)])


def options_of(given: dict[str, Any]) -> DomainOptions:
    """The command's words as options. Raises CommandError that names the word and what is wrong with it."""
    fields: dict[str, Any] = {name: given[name] for name in LISTS if given[name]}
    if given["resolver"]:
        fields["resolver"] = {"servers": [given["resolver"]], "validating": given["validating"]}
    if given["ca"]:
        fields["ca"] = given["ca"]
    try:
        return DomainOptions.model_validate({"name": given["name"], **fields})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "options"
        raise CommandError(f"{where}: {first['msg'].removeprefix('Value error, ')}", returncode=EX_USAGE) from error
