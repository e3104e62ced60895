-- What operators and the reporter write: small tables where the newest row of a key wins. Read them with FINAL.

CREATE TABLE IF NOT EXISTS gatepost.ip_locations
(
    ip String COMMENT 'Address of a RADIUS client, as in post_auth.site_ip',
    location_id Int64 COMMENT 'Number of the location this address belongs to',
    name String DEFAULT '' COMMENT 'Name of the location; empty if none was given'
)
ENGINE = ReplacingMergeTree
ORDER BY ip
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which location an address belongs to; imported as a whole'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.accounts
(
    username String COMMENT 'Name of the account',
    contact Nullable(String) COMMENT 'Telephone number (+...) or e-mail address the account was registered with',
    sponsor Nullable(String) COMMENT 'Who vouched for the account; the contact itself if it registered itself',
    created_at DateTime64(3, 'UTC') COMMENT 'When the account was created',
    last_login Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest successful login; null: never logged in',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written; of one account the newest row counts'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY username
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Accounts people registered. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.metrics
(
    metric_name LowCardinality(String) COMMENT 'Name of the metric, such as active-users',
    period LowCardinality(String) COMMENT 'hour, day, week or month',
    date Date COMMENT 'The date the metric was computed for; its window ends when this day begins',
    fields String COMMENT 'The metric''s fields as a JSON object',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was computed; of one metric, period and date the newest row counts'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (metric_name, period, date)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Every metric ever computed, kept for ever. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_names
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written; of one gateway the newest row counts'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY gw_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Names that operators give to gateways. Read with FINAL'
