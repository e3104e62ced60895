-- What operators and policies decided about sessions, devices, accounts and gateways: a mirror, for SQL, of that part of the access-control log.
-- Credentials, vouchers and bindings are never in a table.

CREATE TABLE IF NOT EXISTS gatepost.access_decisions
(
    subject String COMMENT 'session:<id>, mac:<MAC>, account:<name> or gateway:<gw_id>',
    verdict LowCardinality(String) COMMENT 'allow or deny',
    reason String COMMENT 'Why; quota:<policy> where a policy decided',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ends; null: never',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    removed UInt8 COMMENT '1: it has been taken back, or is over',
    mirrored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was written; of one subject the newest counts'
)
ENGINE = ReplacingMergeTree(mirrored_at)
ORDER BY subject
TTL toDateTime(multiIf(removed = 1, mirrored_at, isNull(until), toDateTime64('2100-01-01 00:00:00', 3, 'UTC'), assumeNotNull(until))) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was decided about each subject last. Read the view access_control'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.access_control
(
    subject String COMMENT 'session:<id>, mac:<MAC>, account:<name> or gateway:<gw_id>',
    verdict String COMMENT 'allow or deny',
    reason String COMMENT 'Why; quota:<policy> where a policy decided',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ends; null: never',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was decided'
)
AS SELECT
    decided.subject AS subject,
    toString(decided.verdict) AS verdict,
    decided.reason AS reason,
    decided.until AS until,
    decided.updated_at AS updated_at
FROM (SELECT * FROM gatepost.access_decisions FINAL) AS decided
WHERE decided.removed = 0 AND (decided.until IS NULL OR decided.until > now64(3, 'UTC'))
COMMENT 'What operators and policies decided, as it is in force now'
