"""Own the reason codes of observations: each with the few words that an operator reads on a board."""

from __future__ import annotations

from monitors.mail_dns.reasons import MAIL_DNS

WELL = {"ok": "OK"}

CONNECTION = {
    "refused": "Connection refused",
    "reset": "Connection reset",
    "closed": "Connection closed early",
    "timeout": "No answer in time",
    "host_unreachable": "Host unreachable",
    "connection_failed": "Connection failed",
    "name_not_found": "Name does not resolve",
    "too_much_said": "Answer too long",
    "proxy_failed": "Proxy failed",
    "slow": "Slow",
}

OURS = {
    "own_network": "Our own network is gone",
    "prober_overloaded": "Prober overloaded",
    "probe_overran": "Probe overran its deadline",
    "no_route": "No route from the prober",
    "prober_exhausted": "Prober out of resources",
    "resolver_failed": "Our resolver failed",
    "secret_missing": "Secret not readable",
    "trust_unusable": "Our certificate files unusable",
    "configuration_unusable": "Configuration unusable",
    "pattern_too_slow": "Pattern too slow",
    "probe_error": "Probe failed",
}

TLS = {
    "tls_too_old": "Only obsolete TLS offered",
    "tls_old": "TLS version too low",
    "not_tls": "Not TLS",
    "tls_refused": "TLS refused",
    "tls_failed": "TLS handshake failed",
    "certificate_expired": "Certificate expired",
    "certificate_not_yet_valid": "Certificate not yet valid",
    "certificate_wrong_name": "Certificate for another name",
    "certificate_self_signed": "Certificate self-signed",
    "certificate_untrusted": "Certificate not trusted",
    "certificate_revoked": "Certificate revoked",
    "certificate_invalid": "Certificate invalid",
    "certificate_expires": "Certificate expires soon",
    "certificate_expires_30d": "Certificate expires within 30 d",
    "certificate_expires_14d": "Certificate expires within 14 d",
    "certificate_expires_7d": "Certificate expires within 7 d",
    "certificate_expires_1d": "Certificate expires within 1 d",
}

HTTP = {
    "not_http": "Not HTTP",
    "http_failed": "No HTTP answer",
    "http2_failed": "HTTP/2 broken",
    "http_version_differs": "Other HTTP version",
    "too_many_redirects": "Too many redirects",
    "header_too_large": "Header too large",
    "body_too_long": "Body too long",
    "status_3xx": "Redirected",
    "status_4xx": "Client error status",
    "status_5xx": "Server error status",
    "status_unexpected": "Unexpected status",
    "header_absent": "Header absent",
    "header_present": "Forbidden header present",
    "header_mismatch": "Header not as expected",
    "text_absent": "Text absent",
    "text_present": "Forbidden text present",
    "pattern_unmatched": "Text does not match",
    "json_invalid": "Not JSON",
    "json_mismatch": "Field not as expected",
    "field_absent": "Field absent",
}

SMTP = {
    "not_smtp": "Not SMTP",
    "smtp_protocol": "SMTP rules broken",
    "smtp_not_accepting": "SMTP service not available",
    "smtp_4xx": "Temporary refusal",
    "smtp_5xx": "Permanent refusal",
    "starttls_missing": "STARTTLS not offered",
    "starttls_refused": "STARTTLS refused",
    "starttls_injection": "Plain text after STARTTLS",
    "auth_failed": "Sign-in refused",
    "open_relay": "Accepts a bad recipient",
    "banner_slow": "Slow banner",
    "extension_lost": "Extension lost",
}

DNS = {
    "dns_unreachable": "DNS server unreachable",
    "dns_malformed": "DNS answer broken",
    "dns_lame": "DNS server lame",
    "dns_nxdomain": "Name does not exist",
    "dns_servfail": "DNS server fails",
    "dns_refused": "DNS server refuses",
    "dns_rcode_unexpected": "Unexpected DNS code",
    "dns_not_authoritative": "Answer without authority",
    "dns_not_authenticated": "Answer not authenticated",
    "dns_empty": "No such records",
    "dns_records_differ": "Records not as expected",
    "dns_ttl": "TTL not as expected",
    "pool_empty": "Pool hands out nothing",
    "pool_answers_lost": "Pool answers lost",
    "pool_stranger": "Unknown address in the pool",
    "pool_member_down": "Broken member is served",
    "pool_member_out": "Broken member left out",
    "pool_member_missing": "Member never served",
    "pool_drained_seen": "Drained member is served",
    "pool_skewed": "Shares not as weighted",
}

HEARTBEAT = {
    "heartbeat_new": "Not heard yet",
    "heartbeat_missed": "Call missed",
    "heartbeat_failed": "Job failed",
    "heartbeat_stuck": "Job does not finish",
}

DOMAIN = {"nothing_judged": "No record configured", **MAIL_DNS}

TCP = {"expect_unmatched": "Unexpected answer"}

DATASTORES = {
    "not_postgres": "Not PostgreSQL",
    "postgres_refused": "PostgreSQL refused us",
    "connections_exhausted": "No connection slots left",
    "connections_high": "Many connections",
    "starting_up": "Starting up",
    "shutting_down": "Shutting down",
    "database_missing": "Database or role missing",
    "permission_missing": "Permission missing",
    "query_timeout": "Query too slow",
    "query_writes": "Query tries to write",
    "query_failed": "Query failed",
    "query_too_long": "Query gives too many rows",
    "query_mismatch": "Query result not as expected",
    "role_differs": "Primary and replica swapped",
    "freeze_age": "Transaction ids run out",
    "backend_blocked": "Backend blocked",
    "transaction_long": "Long transaction",
    "transaction_idle": "Idle in transaction",
    "replica_missing": "Replica missing",
    "replica_lagging": "Replica lags",
    "replica_detached": "Replica detached",
    "slot_retains_wal": "Slot holds back WAL",
    "monitoring_limited": "Monitoring role limited",
    "not_redis": "Not Redis",
    "redis_error": "Redis error",
    "keys_evicted": "Keys evicted",
    "eviction_allowed": "Eviction allowed",
    "save_failed": "Save to disk failed",
    "memory_high": "Memory nearly full",
}

QUEUES = {
    "flowing": "Flowing",
    "empty": "Empty",
    "capacity_exceeded": "More comes in than goes out",
    "below_usual": "Slower than usual at this hour",
    "link_full": "Link full",
    "oldest_warn": "Mail waits too long",
    "oldest_fail": "Mail waits far too long",
    "no_consumers": "Stalled: no consumer",
    "stuck_consumer": "Stalled: consumers hold mail",
    "no_ack": "Stalled: nothing acknowledged",
    "publishers_blocked": "Publishers blocked",
    "offline_mode": "Paused on purpose",
    "unexplained_loss": "Unexplained loss",
    "unexplained_duplication": "Unexplained duplication",
    "source_stale": "No figures",
    "no_sample": "Nothing known yet",
    "depth_not_told": "Depth not told",
    "queue_missing": "Queue does not exist",
    "stream_missing": "Stream does not exist",
    "group_missing": "Consumer group does not exist",
    "consumer_missing": "Consumer does not exist",
    "missing": "Not found at the source",
    "unreachable": "Source cannot be reached",
    "unauthorised": "Source refused our credentials",
    "unexpected_status": "Source refused the question",
    "server_error": "Source has an error",
    "tls": "No trusted TLS to the source",
    "bad_http": "Not HTTP",
    "not_json": "Not JSON",
    "not_metrics": "Not Prometheus text",
    "too_large": "Answer too large",
    "unexpected_shape": "Answer not understood",
    "empty_result": "Source has no such series",
    "many_series": "More than one series",
    "jetstream_off": "JetStream is off",
    "bad_query": "Query refused",
    "not_one_row": "Query must give one row",
    "unknown_column": "Query has an unknown column",
    "bad_time": "Time without zone",
    "no_postqueue": "postqueue cannot be started",
    "postqueue_failed": "postqueue failed",
    "mail_system_down": "Postfix is not running",
    "no_log": "Mail log not readable",
    "no_boto3": "Extra for SQS missing",
    "refused_by_source": "Source refused the question",
    "own_database": "Our database does not answer",
}

REASONS: dict[str, str] = {
    **WELL,
    **CONNECTION,
    **OURS,
    **TLS,
    **HTTP,
    **SMTP,
    **DNS,
    **DOMAIN,
    **HEARTBEAT,
    **TCP,
    **DATASTORES,
    **QUEUES,
}


def label(reason: str) -> str:
    """A few words for a board. A code that is not registered, from an older or newer prober, reads as itself."""
    return REASONS.get(reason) or reason.replace("_", " ").capitalize()
