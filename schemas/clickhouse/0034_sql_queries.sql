-- What users of the SQL endpoint ran, how long it took and how much it returned.

CREATE TABLE IF NOT EXISTS gatepost.sql_queries
(
    at DateTime64(3, 'UTC') COMMENT 'When the query was over',
    user LowCardinality(String) COMMENT 'User of the SQL endpoint',
    remote_ip String COMMENT 'Address the request came from',
    kind LowCardinality(String) COMMENT 'Kind of statement, such as SELECT',
    tables Array(LowCardinality(String)) COMMENT 'Tables that it names',
    query String COMMENT 'The statement without literals and names of its own (?), at most 4096 characters; empty: it failed, or was too long',
    exception_code Int32 COMMENT 'Code of the error; 0: none',
    result_rows UInt64 COMMENT 'Rows of the result, or rows inserted',
    result_bytes UInt64 COMMENT 'Bytes of the result, before compression',
    elapsed_ms UInt32 COMMENT 'From its turn to the end of its answer; a client that reads slowly makes it longer'
)
ENGINE = MergeTree
ORDER BY at
-- Hours, since GATEPOST_RETENTION_DAYS changes every TTL of days.
TTL toDateTime(at) + toIntervalHour(768)
SETTINGS old_parts_lifetime = 480
COMMENT 'Queries of the SQL endpoint, one row each; kept for 32 days'
