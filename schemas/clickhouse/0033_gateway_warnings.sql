-- What GATEPOST_ALERT_URL was told of warnings about gateways, so that it is told once.

CREATE TABLE IF NOT EXISTS gatepost.gateway_warnings
(
    gw_id String COMMENT 'The gateway',
    warning LowCardinality(String) COMMENT 'same_id, as the view gateways has it; empty: it is over',
    sent_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When; of one gateway the newest counts'
)
ENGINE = ReplacingMergeTree(sent_at)
ORDER BY gw_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was told about each gateway that has a warning, or had one'
