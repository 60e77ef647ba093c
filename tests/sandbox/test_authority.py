"""Certificates and keys are made once, kept while good, and renewed before anybody warns of them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from monitors.sandbox.authority import Authority, Chain, establish
from monitors.sandbox.plan import API_NAME, Plan

PLAN = Plan(8700, spread=True)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def leaf(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def chains(authority: Authority) -> tuple[Chain, ...]:
    return authority.api, authority.smtp, authority.policy


def test_every_service_has_a_valid_and_an_expired_leaf_of_the_same_names(tmp_path: Path) -> None:
    authority = establish(tmp_path, PLAN, NOW)
    ca = leaf(authority.ca_file)
    for chain in chains(authority):
        valid, expired = leaf(chain.valid), leaf(chain.expired)
        assert valid.not_valid_before_utc < NOW < valid.not_valid_after_utc
        assert expired.not_valid_after_utc < NOW
        assert names(valid) == names(expired)
        valid.verify_directly_issued_by(ca)
        expired.verify_directly_issued_by(ca)
    assert API_NAME in names(leaf(authority.api.valid))


def names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    authority = establish(tmp_path / "keys", PLAN, NOW)
    secret = [tmp_path / "keys" / name for name in ("ca.key", "dkim.pem")] + [c.valid for c in chains(authority)]
    assert {path.stat().st_mode & 0o077 for path in secret} == {0}


@pytest.mark.parametrize(
    ("later", "is_same"),
    [pytest.param(timedelta(days=10), True, id="still good"), pytest.param(timedelta(days=60), False, id="renewed")],
)
def test_leaves_are_renewed_before_monitors_warn_and_the_ca_stays(
    tmp_path: Path, later: timedelta, is_same: bool
) -> None:
    first = establish(tmp_path, PLAN, NOW)
    ca, serial = first.ca_file.read_bytes(), leaf(first.api.valid).serial_number
    second = establish(tmp_path, PLAN, NOW + later)
    assert second.ca_file.read_bytes() == ca
    assert (leaf(second.api.valid).serial_number == serial) == is_same
    assert leaf(second.api.valid).not_valid_after_utc - (NOW + later) > timedelta(days=30)
    assert second.dkim_public == first.dkim_public


def test_other_addresses_get_another_leaf(tmp_path: Path) -> None:
    first = leaf(establish(tmp_path, PLAN, NOW).api.valid)
    second = leaf(establish(tmp_path, Plan(8700, spread=False), NOW).api.valid)
    assert first.serial_number != second.serial_number


def test_a_leaf_of_another_ca_is_replaced(tmp_path: Path) -> None:
    authority = establish(tmp_path, PLAN, NOW)
    authority.ca_file.unlink()
    again = establish(tmp_path, PLAN, NOW)
    leaf(again.smtp.valid).verify_directly_issued_by(leaf(again.ca_file))


def test_the_dkim_key_is_a_real_one(tmp_path: Path) -> None:
    key = load_der_public_key(base64.b64decode(establish(tmp_path, PLAN, NOW).dkim_public))
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
