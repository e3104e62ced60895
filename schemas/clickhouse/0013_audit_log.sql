-- Who looked at what on the dashboard, and who did what: people's names and devices are in the tables.

CREATE TABLE IF NOT EXISTS gatepost.audit_log
(
    at DateTime64(3, 'UTC') COMMENT 'When it was asked for, by the server''s clock',
    who LowCardinality(String) COMMENT 'operator or viewer, by the password given; local: nobody had to log in; nobody: the password was wrong',
    action LowCardinality(String) COMMENT 'login, login_refused, logout, logins_search, sessions_search or session_cut_off',
    subject String COMMENT 'What it was about: the search as it stands in the address, or the session',
    remote_ip String COMMENT 'Address the request came from'
)
ENGINE = MergeTree
ORDER BY at
-- Hours, since GATEPOST_RETENTION_DAYS changes every TTL of days.
TTL toDateTime(at) + toIntervalHour(8784)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Searches and actions on the dashboard, one row each; kept for a year'
