-- RADIUS accounting: what a NAS says about the sessions of its clients, as it was sent.

CREATE TABLE IF NOT EXISTS gatepost.radius_accounting
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the report; when it happened, if a known sender says so' CODEC(Delta(8), ZSTD(1)),
    event_at DateTime64(3, 'UTC') COMMENT 'When it happened: event_timestamp of a known sender, else when it was received less acct_delay_time' CODEC(Delta(8), ZSTD(1)),
    status_type LowCardinality(String) COMMENT 'Start, Interim-Update, Stop, Accounting-On or Accounting-Off',
    unique_id String COMMENT 'The session: acct_unique_session_id, else a hash of NAS, user, device and acct_session_id. Empty for Accounting-On and -Off',
    acct_session_id String COMMENT 'Acct-Session-Id: the session as its NAS names it',
    multi_session_id String COMMENT 'Acct-Multi-Session-Id: the same for sessions that belong together, such as those of a device that roams',
    username String COMMENT 'The user name by the rule of the installation (GATEPOST_USERNAMES), by default whole and in lower case',
    realm LowCardinality(String) COMMENT 'What follows the last @ of the user name, lower case',
    mac String COMMENT 'The client''s MAC as 50-A6-7F-84-9C-D1; empty if the packet held none',
    ap LowCardinality(String) COMMENT 'The access point''s MAC, from called_station_id, in the same form; empty if it held none',
    building_identifier LowCardinality(String) COMMENT 'called_station_id, whole, if it is not empty and holds no MAC',
    ssid LowCardinality(String) COMMENT 'Name of the network: what follows the MAC in called_station_id',
    site_ip LowCardinality(String) COMMENT 'site_ip_address: the RADIUS client''s address, in its one spelling',
    nas LowCardinality(String) COMMENT 'What sessions belong to: NAS-Identifier, else the address of the NAS, else site_ip',
    nas_identifier LowCardinality(String) COMMENT 'Name of the NAS (NAS-Identifier), as sent',
    nas_ip LowCardinality(String) COMMENT 'Address of the NAS as it says itself (NAS-IP-Address, NAS-IPv6-Address), in its one spelling',
    nas_port_id LowCardinality(String) COMMENT 'Port or interface of the NAS (NAS-Port-Id), as sent',
    framed_ip String COMMENT 'The client''s IPv4 address (Framed-IP-Address)',
    framed_ipv6 String COMMENT 'The client''s IPv6 address (Framed-IPv6-Address), else its prefix (Framed-IPv6-Prefix)',
    session_time Nullable(UInt64) COMMENT 'Acct-Session-Time: seconds since the session began; null: not reported',
    input_octets Nullable(UInt64) COMMENT 'Bytes from the client, Acct-Input-Gigawords included; null: not reported',
    output_octets Nullable(UInt64) COMMENT 'Bytes to the client, in the same way',
    input_packets Nullable(UInt64) COMMENT 'Packets from the client; null: not reported',
    output_packets Nullable(UInt64) COMMENT 'Packets to the client; null: not reported',
    terminate_cause LowCardinality(String) COMMENT 'Acct-Terminate-Cause of a Stop, as sent',
    delay_time Nullable(UInt64) COMMENT 'Acct-Delay-Time: seconds for which the NAS had tried to send it; null: not reported',
    task_id LowCardinality(String) COMMENT 'Which RADIUS server instance reported',
    remote_ip LowCardinality(String) COMMENT 'Address the request came from, after trusted proxies',
    source LowCardinality(String) COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none',
    batch_id UUID COMMENT 'Identity of the batch the record came in: the producer''s random incarnation and a sequence',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the identity of the row'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), unique_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'RADIUS accounting packets: Start, Interim-Update, Stop, Accounting-On, Accounting-Off, one row each; one that was sent again is there again'

-- statement
ALTER TABLE gatepost.dead_letters
    COMMENT COLUMN IF EXISTS source 'Where the record came from: ping, auth, post-auth, accounting, or the table that refused it'
