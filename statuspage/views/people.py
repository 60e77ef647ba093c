"""Own the pages where admins look after people: roles, sessions, one-time links."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from statuspage.errors import LastAdminError, NameTakenError
from statuspage.forms import PersonForm, RoleForm
from statuspage.models import User
from statuspage.selectors.access import people
from statuspage.services import access

admins_only = permission_required("statuspage.manage_access", raise_exception=True)


@admins_only
@require_http_methods(["GET", "HEAD", "POST"])
def person_list(request: HttpRequest) -> HttpResponse:
    """The people, and the form that adds one. Five queries, whatever the number of people."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = access.add_person(**form.cleaned_data)
        except NameTakenError as taken:
            form.add_error("username", str(taken))
        else:
            return show_link(request, person)
    status = 422 if form.errors else 200
    return render(request, "statuspage/person_list.html", {"form": form, "people": people()}, status=status)


@admins_only
@require_POST
def person_role(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return render(request, "422.html", {"reason": f"Role: {form.errors['role'][0]}"}, status=422)
    try:
        access.set_role(person, form.cleaned_data["role"])
    except LastAdminError as refusal:
        return render(request, "422.html", {"reason": refusal}, status=422)
    messages.success(request, f"{person} is now {form.cleaned_data['role']}.")
    return redirect("statuspage:person-list")


@admins_only
@require_POST
def person_end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    access.end_sessions(person)
    messages.success(request, f"{person} is signed out everywhere.")
    return redirect("statuspage:person-list")


@admins_only
@require_POST
def person_active(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    is_active = request.POST.get("is_active") == "true"
    try:
        access.set_active(person, is_active=is_active)
    except LastAdminError as refusal:
        return render(request, "422.html", {"reason": refusal}, status=422)
    messages.success(request, f"{person} may {'come in again' if is_active else 'no longer come in'}.")
    return redirect("statuspage:person-list")


@admins_only
@require_POST
def person_link(request: HttpRequest, pk: int) -> HttpResponse:
    return show_link(request, get_object_or_404(User, pk=pk, is_active=True))


def show_link(request: HttpRequest, person: User) -> HttpResponse:
    path = access.issue_sign_in_link(person, timezone.now())
    context = {"person": person, "link": request.build_absolute_uri(path)}
    return render(request, "statuspage/person_link.html", context)
