-- The raw tables: one row per record, as ingest wrote it. Rows are found by time: first by the hour, then by what
-- the table is mostly asked for. received_at itself must not be in the key: MEASURED: a condition on it is then looked
-- for in that column only, no longer in its hour, and reads the whole month. Merged parts are synced to disk before the parts they replace are deleted.

CREATE TABLE IF NOT EXISTS gatepost.post_auth
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the report, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    username String COMMENT 'User logins: the first six code points, upper case. Empty for certificate logins',
    ssl_username String COMMENT 'Certificate logins (EAP-TLS): the user name cut to 254 characters. Empty for user logins',
    mac String COMMENT 'The client''s MAC as 50-A6-7F-84-9C-D1; empty if the report held none',
    ap LowCardinality(String) COMMENT 'The access point''s MAC, from called_station_id, in the same form; empty if it held none',
    building_identifier LowCardinality(String) COMMENT 'called_station_id, whole, if it is not empty and holds no MAC',
    site_ip LowCardinality(String) COMMENT 'site_ip_address as sent: the RADIUS client''s address; ip_locations says where it is',
    success UInt8 COMMENT '1 if authentication_result is exactly Access-Accept, else 0',
    authentication_result LowCardinality(String) COMMENT 'As sent: Access-Accept or Access-Reject',
    authentication_reply LowCardinality(String) COMMENT 'Reply-Message as sent',
    task_id LowCardinality(String) COMMENT 'Which RADIUS server instance reported',
    cert_name String COMMENT 'Common name of the client certificate; certificate logins only',
    cert_serial String COMMENT 'Serial number of the client certificate; certificate logins only',
    cert_subject String COMMENT 'Subject of the client certificate; certificate logins only',
    cert_issuer LowCardinality(String) COMMENT 'Issuer of the client certificate; certificate logins only',
    eap_type LowCardinality(String) COMMENT 'EAP-TLS or MSCHAP',
    batch_id UUID COMMENT 'Identity of the batch the record came in: the producer''s random incarnation and a sequence',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the identity of the row'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), username, mac)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Logins as reported by RADIUS servers (FreeRADIUS post-auth), one row each, accepted or rejected'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_pings
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the heartbeat, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    sys_uptime UInt64 COMMENT 'Seconds since the gateway''s machine started',
    sys_memfree UInt64 COMMENT 'Free memory in KiB',
    sys_load Float64 COMMENT 'Load average of the last minute',
    wifidog_uptime UInt64 COMMENT 'Seconds since the gateway''s program started',
    remote_ip String COMMENT 'Address the request came from, after trusted proxies',
    user_agent LowCardinality(String) COMMENT 'User-Agent header as sent, cut to 256 bytes',
    trusted UInt8 COMMENT '1 if the request came from the gateway''s registered source, or none is registered',
    extra Map(String, String) COMMENT 'Every other parameter as sent, but for credentials',
    batch_id UUID COMMENT 'Identity of the batch the record came in: the producer''s random incarnation and a sequence',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the identity of the row'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), gw_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Heartbeats of WiFiDog gateways, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_auth
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the request, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    stage LowCardinality(String) COMMENT 'login, counters or logout',
    gw_id String COMMENT 'The gateway''s identifier; empty if the gateway sent none (older than 1.3)',
    ip String COMMENT 'The client''s address as sent',
    mac String COMMENT 'The client''s MAC as 50-A6-7F-84-9C-D1; empty if the request held none',
    session_id String COMMENT 'The session of the token; in open mode a keyed hash of the foreign token. Empty without a known token',
    incoming Nullable(UInt64) COMMENT 'Bytes to the client since its connection began; null: not reported',
    outgoing Nullable(UInt64) COMMENT 'Bytes from the client since its connection began; null: not reported',
    incoming_delta Nullable(UInt64) COMMENT 'incomingdelta as sent, never summed; null: not sent',
    outgoing_delta Nullable(UInt64) COMMENT 'outgoingdelta as sent, never summed; null: not sent',
    auth_code Int16 COMMENT 'The code Gatepost answered: 0 denied, 1 allowed, 5 validation, 6 validation failed, -1 error',
    own UInt8 COMMENT '1 if the token was verified (in open mode: present) and MAC and gw_id are the session''s; other rows never touch a session',
    remote_ip String COMMENT 'Address the request came from, after trusted proxies',
    user_agent LowCardinality(String) COMMENT 'User-Agent header as sent, cut to 256 bytes',
    extra Map(String, String) COMMENT 'Every other parameter as sent, but for credentials',
    batch_id UUID COMMENT 'Identity of the batch the record came in: the producer''s random incarnation and a sequence',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the identity of the row'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), session_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Auth requests of WiFiDog gateways (login, counters, logout) and how they were answered, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.dead_letters
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the request, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    source LowCardinality(String) COMMENT 'Where the record came from: ping, auth, post-auth, or the table that refused it',
    reason LowCardinality(String) COMMENT 'Machine-readable reason, from a closed list',
    error String COMMENT 'What was wrong, in words, naming the field',
    payload String COMMENT 'What was sent, without credentials; of a post-auth body the known keys only',
    batch_id UUID COMMENT 'Identity of the batch the record came in',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the key of the dead letter'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), source, reason)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Records that could not be stored in their own table, with the reason'
