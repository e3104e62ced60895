-- Disconnect-Requests to NAS (RFC 5176), and what became of them.

CREATE TABLE IF NOT EXISTS gatepost.radius_disconnects
(
    at DateTime64(3, 'UTC') COMMENT 'When the outcome was known',
    nas LowCardinality(String) COMMENT 'The NAS: radius_accounting.nas',
    unique_id String COMMENT 'The session',
    reason String COMMENT 'Why: the reason of the decision that denies it, such as quota:<policy>',
    address LowCardinality(String) COMMENT 'Where the request was sent: address and port',
    outcome LowCardinality(String) COMMENT 'ack: the NAS ends the session. gone: it has no such session. nak: it does not end it. unanswered: no answer, or none made with the secret',
    error_cause Nullable(UInt32) COMMENT 'Error-Cause of the answer (RFC 5176, section 3.5); null: none',
    packets UInt8 COMMENT 'How often the request was sent'
)
ENGINE = MergeTree
ORDER BY (nas, unique_id, at)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Requests to end sessions that were sent to NAS, and their outcomes'
