-- Tokens that the portal issued.

CREATE TABLE IF NOT EXISTS gatepost.portal_sessions
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the request, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    issued DateTime64(3, 'UTC') COMMENT 'When the token was issued, as it says itself: whole seconds',
    session_id String COMMENT 'The session of the token',
    gw_id String COMMENT 'The gateway it was issued for',
    mac String COMMENT 'The client''s MAC as 50-A6-7F-84-9C-D1, as the gateway''s redirect said; empty: the first client that uses the token has it',
    ip String COMMENT 'The client''s address in the gateway''s network, as the redirect said',
    account String COMMENT 'Who logged in; empty: nobody in particular',
    method LowCardinality(String) COMMENT 'click, voucher, account or webhook',
    terms_version LowCardinality(String) COMMENT 'Version of the terms of use that were accepted',
    use_by DateTime64(3, 'UTC') COMMENT 'When the token must have been used',
    ends DateTime64(3, 'UTC') COMMENT 'When the session is over at the latest',
    confirm_by Nullable(DateTime64(3, 'UTC')) COMMENT 'When the e-mail address must have been confirmed; null: it need not be',
    batch_id UUID COMMENT 'Identity of the batch the record came in: the producer''s random incarnation and a sequence',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the identity of the row'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), gw_id, session_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Tokens that the portal issued, one row each'
