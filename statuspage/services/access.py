"""Own the writing of access: people, roles, one-time links, sessions and API tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse

from monitors.notices import notify
from statuspage.errors import LastAdminError, LinkRefusedError, NameTakenError
from statuspage.models import ApiToken, SignInLink, User
from statuspage.roles import Role

LINK_LIFETIME = timedelta(minutes=15)
TOKEN_PREFIX = "sp_"  # noqa: S105 - it makes a leaked key recognisable, and is no secret
FIRST_OPERATOR = "operator"
ACCESS_CHANNEL = "standpipe_access"
"""A person's sessions ended, `{"user": id}`: open sockets of that person close."""


def digest(secret: str) -> str:
    """SHA-256, hexadecimal. Links and keys carry 256 random bits, so neither salt nor stretching adds anything."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def first_operator() -> User:
    """The oldest active admin; on an empty installation the person `operator`, made now with that role."""
    admin = User.objects.filter(groups__name=Role.ADMIN, is_active=True).order_by("id").first()
    if admin is not None:
        return admin
    person, is_new = User.objects.get_or_create(username=FIRST_OPERATOR, defaults={"password": make_password(None)})
    if not is_new:
        User.objects.filter(pk=person.pk).update(is_active=True)
    set_role(person, Role.ADMIN)
    return person


def add_person(username: str, email: str, role: Role) -> User:
    """Raises NameTakenError, also for a name that differs in capitals only: signing in does not tell those apart."""
    try:
        with transaction.atomic():
            if User.objects.filter(username__iexact=username).exists():
                raise IntegrityError(username)
            person = User.objects.create(username=username, email=email, password=make_password(None))
            set_role(person, role)
    except IntegrityError as error:
        raise NameTakenError(f"{username!r} is already a person here.") from error
    return person


@transaction.atomic
def set_role(person: User, role: Role) -> None:
    """Give exactly this role. Raises LastAdminError."""
    if role != Role.ADMIN:
        keep_an_admin(besides=person)
    group, _ = Group.objects.get_or_create(name=role.value)
    person.groups.set([group])
    person.__dict__.pop("role", None)


@transaction.atomic
def set_active(person: User, *, is_active: bool) -> None:
    """Open or shut the door for a person; shutting ends the sessions too. Raises LastAdminError."""
    if not is_active:
        keep_an_admin(besides=person)
        end_sessions(person)
    User.objects.filter(pk=person.pk).update(is_active=is_active)


def keep_an_admin(*, besides: User) -> None:
    """Two admins that demote each other at the same moment: the lock lets the second see what the first did."""
    admins = User.objects.select_for_update().filter(groups__name=Role.ADMIN, is_active=True).order_by("id")
    ids = [admin.pk for admin in admins]
    if ids == [besides.pk]:
        raise LastAdminError(f"{besides} is the last active admin: give somebody else the role first.")


@transaction.atomic
def end_sessions(person: User) -> None:
    """Sign a person out everywhere: the hash in every session of theirs no longer matches."""
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
    SignInLink.objects.filter(user=person, used_at=None).delete()
    notify(ACCESS_CHANNEL, user=person.pk)


def issue_sign_in_link(user: User, now: datetime) -> str:
    """The path of a one-time way in. Only the digest is stored: nobody can read the link out of the database."""
    secret = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, digest=digest(secret), expires_at=now + LINK_LIFETIME)
    return reverse("statuspage:sign-in-link", args=[secret])


@transaction.atomic
def use_sign_in_link(secret: str, now: datetime) -> User:
    """The person whom the link lets in. Raises LinkRefusedError.

    Compare and set: of two that use it at once, one changes the row and the other finds it used. The
    condition names this table only: a join would make it a subquery, which the second of the two reads
    from before the first has written.
    """
    links = SignInLink.objects.filter(digest=digest(secret))
    if links.filter(used_at=None, expires_at__gt=now).update(used_at=now) != 1:
        raise LinkRefusedError(LinkRefusedError.__doc__)
    person = links.select_related("user").get().user
    if not person.is_active:
        raise LinkRefusedError(LinkRefusedError.__doc__)
    return person


def make_token(name: str, scopes: Sequence[str], made_by: User | None) -> tuple[ApiToken, str]:
    """The row and the key itself, which is not kept and cannot be shown again. Raises NameTakenError."""
    key = TOKEN_PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(name=name, digest=digest(key), scopes=list(scopes), created_by=made_by)
    except IntegrityError as error:
        raise NameTakenError(f"There is already a token named {name!r}.") from error
    return token, key


def revoke_token(token: ApiToken, now: datetime) -> bool:
    """True if this call revoked it, False if it was revoked before."""
    return ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now) == 1
