-- What is known of logins for longer than the raw tables name people: login_calendar with pseudonyms in place of who logged in and with which
-- device. The same person has the same pseudonym, so that what is counted is the same. Bits are only ever set: copying again changes nothing.

CREATE TABLE IF NOT EXISTS gatepost.login_history
(
    month Date COMMENT 'First day of the month',
    kind LowCardinality(String) COMMENT 'What subject and detail are, as in login_calendar',
    subject String COMMENT 'Pseudonym of who logged in: SipHash-2-4 with 128 bits, keyed; hexadecimal',
    detail String COMMENT 'As in login_calendar; of kind mac the pseudonym of the device; may be empty',
    days SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with a login, accepted or not: bit 0 is the first of the month, UTC',
    accepted SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with an accepted login, in the same way',
    last_day SimpleAggregateFunction(max, Date) COMMENT 'Latest of these days'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (kind, subject, detail, month)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Days of each month on which users and certificates logged in, under pseudonyms, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.login_history_days
(
    day Date COMMENT 'A UTC day, all of whose logins were copied',
    copied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When they were copied last'
)
ENGINE = ReplacingMergeTree(copied_at)
ORDER BY day
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which days login_history is whole for'
