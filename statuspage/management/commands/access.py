"""Own access from the command line: the twin of the console's pages, for when nobody can come in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from statuspage.errors import AccessError
from statuspage.models import ApiToken, User
from statuspage.roles import Role
from statuspage.services import access

ROLES = [role.value for role in Role]


class Command(BaseCommand):
    help = "Add people, change roles, end sessions, make sign-in links, make and revoke API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="add a person and print a sign-in link")
        add.add_argument("name")
        add.add_argument("--role", choices=ROLES, default=Role.RESPONDER.value)
        role = actions.add_parser("role", help="give a person a role")
        role.add_argument("name")
        role.add_argument("role", choices=ROLES)
        for action, does in (("link", "print a sign-in link"), ("end-sessions", "sign a person out everywhere")):
            actions.add_parser(action, help=does).add_argument("name")
        token = actions.add_parser("token", help="make an API token and print its key")
        token.add_argument("name")
        token.add_argument("--scope", action="append", required=True, choices=ApiToken.Scope.values)
        actions.add_parser("revoke", help="revoke an API token").add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        act = getattr(self, options["action"].replace("-", "_"))
        try:
            self.stdout.write(act(options))
        except AccessError as refusal:
            raise CommandError(str(refusal)) from refusal

    def add(self, options: dict[str, Any]) -> str:
        person = access.add_person(options["name"], "", Role(options["role"]))
        return access.issue_sign_in_link(person, timezone.now())

    def role(self, options: dict[str, Any]) -> str:
        access.set_role(person_named(options["name"]), Role(options["role"]))
        return f"{options['name']} is now {options['role']}"

    def link(self, options: dict[str, Any]) -> str:
        return access.issue_sign_in_link(person_named(options["name"]), timezone.now())

    def end_sessions(self, options: dict[str, Any]) -> str:
        access.end_sessions(person_named(options["name"]))
        return f"{options['name']} is signed out everywhere"

    def token(self, options: dict[str, Any]) -> str:
        return access.make_token(options["name"], options["scope"], None)[1]

    def revoke(self, options: dict[str, Any]) -> str:
        token = ApiToken.objects.filter(name=options["name"]).first()
        if token is None:
            raise CommandError(f"there is no token named {options['name']!r}")
        is_first = access.revoke_token(token, timezone.now())
        return f"{token} {'is' if is_first else 'was already'} revoked"


def person_named(name: str) -> User:
    person = User.objects.filter(username=name).first()
    if person is None:
        known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
        raise CommandError(f"there is no person named {name!r}; known: {known or 'nobody'}")
    return person
