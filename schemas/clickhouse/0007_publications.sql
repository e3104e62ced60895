-- What was published where, and who may publish now.

CREATE TABLE IF NOT EXISTS gatepost.publications
(
    publisher LowCardinality(String) COMMENT 'Where it was sent: performance-platform, metrics-api, s3, opensearch, file or stdout',
    metric_name LowCardinality(String) COMMENT 'Name of the metric',
    period LowCardinality(String) COMMENT 'hour, day, week or month',
    date Date COMMENT 'The date of the result',
    hour UInt8 COMMENT 'Of period hour its hour, else 0',
    status LowCardinality(String) COMMENT 'sent, or failed: it is sent again by the next run',
    target String COMMENT 'The address or file, without credentials',
    digest String COMMENT 'SHA-256 of what was sent, hexadecimal: the same content is not sent again',
    answer String COMMENT 'What was answered, or why there was no answer',
    attempts UInt32 COMMENT 'How often it was tried in this run',
    published_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the last attempt was over; of one result and publisher the newest row counts'
)
ENGINE = ReplacingMergeTree(published_at)
ORDER BY (publisher, metric_name, period, date, hour)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was published where. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.leases
(
    name LowCardinality(String) COMMENT 'What only one process may do at a time',
    newest SimpleAggregateFunction(max, Tuple(epoch UInt64, owner String, until DateTime64(3, 'UTC'))) COMMENT 'The newest lease: its number, counted up by every one; who has it; until when, by the server''s clock'
)
ENGINE = AggregatingMergeTree
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Leases, not yet merged: of each name the newest counts'
