"""Own the sandbox's tables: the message ledger, its counters, and the role that may only read them."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

VERSION = "sandbox 2"
CONSUMER_TTL_S = 10  # a sender silent for longer is not counted (view `queue`), and its claims are taken back
START_LOCK = 7_305_013_905  # two sandboxes that start at once make their schemas one after the other

TABLES = """
create table message (
    id bigint generated always as identity primary key,
    state text not null default 'accepted' check (state in ('accepted', 'in_flight', 'sent', 'bounced')),
    accepted_at timestamptz not null default clock_timestamp(),
    accepted_by text not null,
    via text not null check (via in ('api', 'smtp')),
    sender text not null,
    recipients text[] not null,
    subject text not null default '',
    tag text not null default '',
    size integer not null,
    content bytea not null,
    attempts smallint not null default 0,
    not_before timestamptz not null default '-infinity',
    claimed_by text,
    finished_at timestamptz,
    finished_by text,
    reason text not null default ''
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_insert_scale_factor = 0.05);  -- counting a long queue is quick only on vacuumed pages
create index message_waiting on message (id) where state = 'accepted';
create index message_in_flight on message (claimed_by) where state = 'in_flight';
create index message_finished on message (finished_at) where finished_at is not null;

-- One row per total and instance: each is updated by its owner alone, in the transaction of the fact it counts.
create table counter (
    name text not null check (name in ('accepted', 'sent', 'bounced')),
    instance text not null,
    value bigint not null default 0,
    primary key (name, instance)
) with (fillfactor = 50);
create table consumer (instance text primary key, seen_at timestamptz not null) with (fillfactor = 50);
create table suppression (address text primary key, reason text not null);
insert into suppression values ('optout@elsewhere.test', 'unsubscribed');
-- The table that a careless migration means to change, while it changes `suppression`.
create table activity (id bigint generated always as identity primary key, note text not null default '');
create table lost (like message);
create table mode (is_one boolean primary key default true check (is_one), mode text not null, epoch bigint not null);
insert into mode values (true, 'online', 1);

create view queue as
select (select coalesce(sum(value), 0) from counter where name = 'accepted')::bigint as accepted_total,
       (select coalesce(sum(value), 0) from counter where name = 'sent')::bigint as sent_total,
       (select coalesce(sum(value), 0) from counter where name = 'bounced')::bigint as bounced_total,
       (select count(*) from message where state = 'accepted') as queued,
       (select count(*) from message where state = 'in_flight') as in_flight,
       extract(epoch from clock_timestamp() - least(
           (select accepted_at from message where state = 'accepted' order by id limit 1),
           (select min(accepted_at) from message where state = 'in_flight')))::float8 as oldest_age_s,
       (select count(*) from consumer where seen_at > clock_timestamp() - interval '10 s') as consumers;
"""
QUEUE_SQL = (
    "select queued + in_flight as depth, accepted_total as in_total, sent_total + bounced_total as out_total,"
    " sent_total as delivered_total,"
    " oldest_age_s, consumers, (select nullif(mode, 'online') from {schema}.mode) as held from {schema}.queue"
)
SUPPRESSION_SQL = "select address from {schema}.suppression limit 1"


def conninfo(database_url: str, schema: str, application: str, *, statement_ms: int = 0, lock_ms: int = 0) -> str:
    """A connection string that lands in the schema and gives up in time."""
    options = f"-c search_path={schema} -c statement_timeout={statement_ms} -c lock_timeout={lock_ms}"
    return make_conninfo(database_url, options=options, application_name=f"{schema} {application}", connect_timeout=3)


def create(database_url: str, schema: str) -> None:
    """Make the schema, or make it anew when its tables are another version's."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [START_LOCK])
        found = connection.execute(
            "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", [schema]
        ).fetchone()
        if found is None or found[0] != VERSION:
            _make_anew(connection, schema)


def _make_anew(connection: psycopg.Connection, schema: str) -> None:
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(name))
    connection.execute(sql.SQL("create schema {}").format(name))
    connection.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(VERSION)))
    connection.execute(sql.SQL("set local search_path to {}").format(name))
    connection.execute(TABLES)


def drop(database_url: str, schema: str) -> None:
    """Leave nothing in the database: for tests and for whoever is done with the sandbox."""
    role = sql.Identifier(f"{schema}_reader")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
        if connection.execute("select 1 from pg_roles where rolname = %s", [f"{schema}_reader"]).fetchone():
            connection.execute(sql.SQL("drop owned by {}").format(role))
            connection.execute(sql.SQL("drop role {}").format(role))


def reader_dsn(database_url: str, schema: str, directory: Path) -> str | None:
    """The DSN of a role that can read the queue and the server's statistics, and write nothing.

    None where our own role may not create roles: a DBA then makes one (the README says how).
    """
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        able = connection.execute("select rolsuper or rolcreaterole from pg_roles where rolname = current_user")
        if not (row := able.fetchone()) or not row[0]:
            return None
        password = _password(directory / "reader.password")
        _grant(connection, schema, password)
    parts = conninfo_to_dict(database_url) | {"user": f"{schema}_reader", "password": password}
    return _url({key: str(value) for key, value in parts.items() if value is not None})


def _grant(connection: psycopg.Connection, schema: str, password: str) -> None:
    role, name = sql.Identifier(f"{schema}_reader"), sql.Identifier(schema)
    connection.execute("select pg_advisory_xact_lock(%s)", [START_LOCK])
    if not connection.execute("select 1 from pg_roles where rolname = %s", [f"{schema}_reader"]).fetchone():
        connection.execute(sql.SQL("create role {} login").format(role))
    for statement in (
        "alter role {role} password {password}",
        "alter role {role} set default_transaction_read_only = on",
        "grant usage on schema {schema} to {role}",
        "grant select on all tables in schema {schema} to {role}",
        "grant pg_read_all_stats to {role}",
    ):
        connection.execute(sql.SQL(statement).format(role=role, schema=name, password=sql.Literal(password)))


def _password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(18))
    return path.read_text()


def _url(parts: dict[str, str]) -> str:
    """One `postgresql://` address, the form that settings and monitors take."""
    from urllib.parse import quote, urlencode

    user, password, database = (quote(parts.pop(key, ""), safe="") for key in ("user", "password", "dbname"))
    return f"postgresql://{user}:{password}@/{database}?{urlencode(parts)}"
