"""Own the forms of access: people, roles, API tokens."""

from __future__ import annotations

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator

from statuspage.models import ApiToken
from statuspage.roles import Role

ROLES = [(role.value, role.value.capitalize()) for role in Role]


def as_role(value: str) -> Role:
    return Role(value)


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(choices=ROLES, coerce=as_role)


class PersonForm(forms.Form):
    username = forms.CharField(max_length=150, validators=[UnicodeUsernameValidator()])
    email = forms.EmailField(max_length=254, required=False)
    role = forms.TypedChoiceField(choices=ROLES, coerce=as_role, initial=Role.RESPONDER.value)


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="What will use it: sampler on mx1, deploy pipeline.")
    scopes = forms.MultipleChoiceField(choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple)
