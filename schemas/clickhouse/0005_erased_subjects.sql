-- Who has been forgotten. What is inserted again from a log (a replay, a late spill) leaves them out.

CREATE TABLE IF NOT EXISTS gatepost.erased_subjects
(
    hash String COMMENT 'HMAC-SHA-256 of the kind (user or mac), a colon and the value, keyed with the token key; hexadecimal',
    kind LowCardinality(String) COMMENT 'user or mac',
    erased_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the subject was forgotten'
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY hash
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'People who were forgotten on request, as keyed hashes: what comes again from a log leaves them out'
