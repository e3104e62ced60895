-- Which aggregator may insert what a part of the record log holds. Claims are only ever added: of each part the one with
-- the highest epoch counts, and of two of one epoch the one with the greater owner.

CREATE TABLE IF NOT EXISTS gatepost.partition_claims
(
    topic LowCardinality(String) COMMENT 'The stream: the name of its table',
    partition String COMMENT 'The part of the stream''s record log',
    newest SimpleAggregateFunction(max, Tuple(epoch UInt64, owner String, claimed_at DateTime64(3, 'UTC'))) COMMENT 'The newest claim: its number, counted up by every claim of this part; who claimed, random at each start; when'
)
ENGINE = AggregatingMergeTree
ORDER BY (topic, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Claims to parts of the record log, not yet merged: read the view partition_owners'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.partition_owners
(
    topic String COMMENT 'The stream: the name of its table',
    partition String COMMENT 'The part of the stream''s record log',
    epoch UInt64 COMMENT 'Number of the newest claim; inserts under an earlier one write nothing',
    owner String COMMENT 'Who made it: random, one for each start of a program',
    claimed_at DateTime64(3, 'UTC') COMMENT 'When it was made, by the server''s clock'
)
AS SELECT
    claims.topic AS topic,
    claims.partition AS partition,
    claims.latest.epoch AS epoch,
    claims.latest.owner AS owner,
    claims.latest.claimed_at AS claimed_at
FROM
(
    SELECT topic, partition, max(newest) AS latest
    FROM gatepost.partition_claims
    GROUP BY topic, partition
) AS claims
COMMENT 'Which aggregator may insert what a part of the record log holds. Only used with a ClickHouse server'
