-- The raw tables: one row per record, as ingest wrote it. Rows are found by time: first by the hour, then by what
-- the table is mostly asked for. received_at itself must not be in the key: MEASURED: a condition on it is then looked
-- for in that column only, no longer in its hour, and reads the whole month. Merged parts are synced to disk before the parts they replace are deleted.

CREATE TABLE IF NOT EXISTS gatepost.post_auth_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), username, mac)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Logins as reported by RADIUS servers (FreeRADIUS post-auth), one row each, accepted or rejected'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.post_auth ON CLUSTER 'fleet' AS gatepost.post_auth_local
ENGINE = Distributed('fleet', 'gatepost', 'post_auth_local', rand())
COMMENT 'Logins as reported by RADIUS servers (FreeRADIUS post-auth), one row each, accepted or rejected'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_pings_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), gw_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Heartbeats of WiFiDog gateways, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_pings ON CLUSTER 'fleet' AS gatepost.gateway_pings_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_pings_local', rand())
COMMENT 'Heartbeats of WiFiDog gateways, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_auth_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), session_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Auth requests of WiFiDog gateways (login, counters, logout) and how they were answered, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_auth ON CLUSTER 'fleet' AS gatepost.gateway_auth_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_auth_local', rand())
COMMENT 'Auth requests of WiFiDog gateways (login, counters, logout) and how they were answered, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.dead_letters_local ON CLUSTER 'fleet'
(
    received_at DateTime64(3, 'UTC') COMMENT 'When Gatepost received the request, by the server''s clock' CODEC(Delta(8), ZSTD(1)),
    source LowCardinality(String) COMMENT 'Where the record came from: ping, auth, post-auth, or the table that refused it',
    reason LowCardinality(String) COMMENT 'Machine-readable reason, from a closed list',
    error String COMMENT 'What was wrong, in words, naming the field',
    payload String COMMENT 'What was sent, without credentials; of a post-auth body the known keys only',
    batch_id UUID COMMENT 'Identity of the batch the record came in',
    batch_index Int32 COMMENT 'The record''s place in its batch, from 0; with batch_id the key of the dead letter'
)
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), source, reason)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Records that could not be stored in their own table, with the reason'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.dead_letters ON CLUSTER 'fleet' AS gatepost.dead_letters_local
ENGINE = Distributed('fleet', 'gatepost', 'dead_letters_local', rand())
COMMENT 'Records that could not be stored in their own table, with the reason'

-- statement
-- What operators and the reporter write: small tables where the newest row of a key wins. Read them with FINAL.

CREATE TABLE IF NOT EXISTS gatepost.ip_locations_local ON CLUSTER 'fleet'
(
    ip String COMMENT 'Address of a RADIUS client, as in post_auth.site_ip',
    location_id Int64 COMMENT 'Number of the location this address belongs to',
    name String DEFAULT '' COMMENT 'Name of the location; empty if none was given'
)
ENGINE = ReplicatedReplacingMergeTree
ORDER BY ip
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which location an address belongs to; imported as a whole'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.ip_locations ON CLUSTER 'fleet' AS gatepost.ip_locations_local
ENGINE = Distributed('fleet', 'gatepost', 'ip_locations_local', cityHash64(ip))
COMMENT 'Which location an address belongs to; imported as a whole'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.accounts_local ON CLUSTER 'fleet'
(
    username String COMMENT 'Name of the account',
    contact Nullable(String) COMMENT 'Telephone number (+...) or e-mail address the account was registered with',
    sponsor Nullable(String) COMMENT 'Who vouched for the account; the contact itself if it registered itself',
    created_at DateTime64(3, 'UTC') COMMENT 'When the account was created',
    last_login Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest successful login; null: never logged in',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written; of one account the newest row counts'
)
ENGINE = ReplicatedReplacingMergeTree(updated_at)
ORDER BY username
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Accounts people registered. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.accounts ON CLUSTER 'fleet' AS gatepost.accounts_local
ENGINE = Distributed('fleet', 'gatepost', 'accounts_local', cityHash64(username))
COMMENT 'Accounts people registered. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.metrics_local ON CLUSTER 'fleet'
(
    metric_name LowCardinality(String) COMMENT 'Name of the metric, such as active-users',
    period LowCardinality(String) COMMENT 'hour, day, week or month',
    date Date COMMENT 'The date the metric was computed for; its window ends when this day begins',
    fields String COMMENT 'The metric''s fields as a JSON object',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was computed; of one metric, period and date the newest row counts'
)
ENGINE = ReplicatedReplacingMergeTree(computed_at)
ORDER BY (metric_name, period, date)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Every metric ever computed, kept for ever. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.metrics ON CLUSTER 'fleet' AS gatepost.metrics_local
ENGINE = Distributed('fleet', 'gatepost', 'metrics_local', cityHash64(metric_name, period, date))
COMMENT 'Every metric ever computed, kept for ever. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_names_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was written; of one gateway the newest row counts'
)
ENGINE = ReplicatedReplacingMergeTree(updated_at)
ORDER BY gw_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Names that operators give to gateways. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_names ON CLUSTER 'fleet' AS gatepost.gateway_names_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_names_local', cityHash64(gw_id))
COMMENT 'Names that operators give to gateways. Read with FINAL'

-- statement
-- The state of gateways. What is kept per gateway never counts anything up: it is maxima, minima and maps of them, so
-- that feeding a heartbeat in again changes nothing.
--
-- Both views take the rows of an insert as they come, cost one small part each, and keep one row per gateway and one
-- per gateway and day.

CREATE TABLE IF NOT EXISTS gatepost.gateway_latest_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the latest heartbeat was received',
    heartbeat SimpleAggregateFunction(max, Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime UInt64, sys_memfree UInt64, sys_load Float64, wifidog_uptime UInt64)) COMMENT 'The latest heartbeat; its identity decides between two of one millisecond'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY gw_id
TTL toDateTime(last_seen) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Latest heartbeat of each gateway, not yet merged: read the view gateways'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_latest ON CLUSTER 'fleet' AS gatepost.gateway_latest_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_latest_local', cityHash64(gw_id))
COMMENT 'Latest heartbeat of each gateway, not yet merged: read the view gateways'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_latest_view ON CLUSTER 'fleet' TO gatepost.gateway_latest_local
(
    gw_id String COMMENT 'The gateway''s identifier',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest heartbeat of an insert was received',
    heartbeat Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime UInt64, sys_memfree UInt64, sys_load Float64, wifidog_uptime UInt64) COMMENT 'The latest heartbeat of an insert'
)
AS SELECT
    gw_id,
    max(received_at) AS last_seen,
    max(tuple(received_at, batch_id, batch_index, remote_ip, toString(user_agent), sys_uptime, sys_memfree, sys_load, wifidog_uptime)) AS heartbeat
FROM gatepost.gateway_pings_local
WHERE trusted = 1
GROUP BY gw_id

-- statement
ALTER TABLE gatepost.gateway_latest_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds gateway_latest from gateway_pings'

-- statement
-- A run is a life of the gateway's program, known by the second in which it began: received_at - wifidog_uptime. The
-- network's delay makes one life show up as two or three neighbouring seconds that interleave.
CREATE TABLE IF NOT EXISTS gatepost.gateway_runs_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier',
    day Date COMMENT 'UTC day of the heartbeats',
    first_seen SimpleAggregateFunction(minMap, Map(Int64, Int64)) COMMENT 'Second in which the program began -> first heartbeat of the day that says so, seconds since the epoch',
    last_seen SimpleAggregateFunction(maxMap, Map(Int64, Int64)) COMMENT 'Second in which the program began -> last heartbeat of the day that says so, seconds since the epoch'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (gw_id, day)
TTL toDateTime(day) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'When each gateway''s program was running, by day, not yet merged: read the view gateways'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_runs ON CLUSTER 'fleet' AS gatepost.gateway_runs_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_runs_local', cityHash64(gw_id, day))
COMMENT 'When each gateway''s program was running, by day, not yet merged: read the view gateways'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_runs_view ON CLUSTER 'fleet' TO gatepost.gateway_runs_local
(
    gw_id String COMMENT 'The gateway''s identifier',
    day Date COMMENT 'UTC day of the heartbeats',
    first_seen Map(Int64, Int64) COMMENT 'Second in which the program began -> first heartbeat of an insert that says so',
    last_seen Map(Int64, Int64) COMMENT 'Second in which the program began -> last heartbeat of an insert that says so'
)
AS SELECT
    gw_id,
    toDate(received_at) AS day,
    minMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64)) AS first_seen,
    maxMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64)) AS last_seen
FROM gatepost.gateway_pings_local
WHERE trusted = 1
GROUP BY gw_id, day

-- statement
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds gateway_runs from gateway_pings'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.gateways ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime UInt64 COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat',
    sys_memfree UInt64 COMMENT 'Free memory in KiB, as of the latest heartbeat',
    sys_load Float64 COMMENT 'Load average of the last minute, as of the latest heartbeat',
    wifidog_uptime UInt64 COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat',
    interval_seconds Nullable(UInt32) COMMENT 'Median gap between its heartbeats of the last two hours; null: fewer than three of them',
    clients UInt32 COMMENT 'Clients whose latest report within three intervals (at most an hour) is an allowed login or counters',
    restarts UInt32 COMMENT 'How often wifidog_uptime fell, while raw rows are kept'
)
AS SELECT
    latest.gw_id AS gw_id,
    names.name AS name,
    multiIf(silence <= 2 * assumed_interval, 'up', silence <= 5 * assumed_interval, 'late', 'down') AS state,
    latest.seen AS last_seen,
    latest.beat.remote_ip AS remote_ip,
    latest.beat.user_agent AS user_agent,
    latest.beat.sys_uptime AS sys_uptime,
    latest.beat.sys_memfree AS sys_memfree,
    latest.beat.sys_load AS sys_load,
    latest.beat.wifidog_uptime AS wifidog_uptime,
    nullIf(intervals.seconds, 0) AS interval_seconds,
    arrayCount(at -> at >= now64(3, 'UTC') - toIntervalSecond(3 * assumed_interval), reporting.latest_reports) AS clients,
    runs.falls AS restarts,
    if(intervals.seconds = 0, 60, intervals.seconds) AS assumed_interval,
    dateDiff('second', latest.seen, now64(3, 'UTC')) AS silence
FROM
(
    SELECT gw_id, max(last_seen) AS seen, max(heartbeat) AS beat
    FROM gatepost.gateway_latest
    GROUP BY gw_id
) AS latest
LEFT JOIN
(
    SELECT gw_id, name FROM gatepost.gateway_names FINAL
) AS names ON names.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT
        gw_id,
        arraySort(groupUniqArray(received_at)) AS beats,
        arrayMap((later, earlier) -> dateDiff('millisecond', earlier, later), arrayPopFront(beats), arrayPopBack(beats)) AS gaps,
        if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32 AS seconds
    FROM gatepost.gateway_pings
    WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR
    GROUP BY gw_id
) AS intervals ON intervals.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT gw_id, groupArray(at) AS latest_reports
    FROM
    (
        SELECT
            gw_id,
            if(mac = '', session_id, mac) AS client,
            max(received_at) AS at,
            argMax(stage != 'logout' AND auth_code IN (1, 5), tuple(received_at, batch_id, batch_index)) AS allowed
        FROM gatepost.gateway_auth
        WHERE own = 1 AND gw_id != '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
        GROUP BY gw_id, client
    )
    WHERE allowed
    GROUP BY gw_id
) AS reporting ON reporting.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT
        gw_id,
        minMap(first_seen) AS firsts,
        maxMap(last_seen) AS lasts,
        arraySort(arrayMap(start -> (firsts[start], lasts[start], start), mapKeys(firsts))) AS lives,
        arrayCount(
            (next, previous) -> next.1 > previous.2 AND next.1 - next.3 < previous.2 - previous.3,
            arrayPopFront(lives), arrayPopBack(lives)) AS falls
    FROM gatepost.gateway_runs
    GROUP BY gw_id
) AS runs ON runs.gw_id = latest.gw_id
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'

-- statement
-- Which aggregator may insert what a part of the record log holds. Claims are only ever added: of each part the one with
-- the highest epoch counts, and of two of one epoch the one with the greater owner.

CREATE TABLE IF NOT EXISTS gatepost.partition_claims_local ON CLUSTER 'fleet'
(
    topic LowCardinality(String) COMMENT 'The stream: the name of its table',
    partition String COMMENT 'The part of the stream''s record log',
    newest SimpleAggregateFunction(max, Tuple(epoch UInt64, owner String, claimed_at DateTime64(3, 'UTC'))) COMMENT 'The newest claim: its number, counted up by every claim of this part; who claimed, random at each start; when'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (topic, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Claims to parts of the record log, not yet merged: read the view partition_owners'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.partition_claims ON CLUSTER 'fleet' AS gatepost.partition_claims_local
ENGINE = Distributed('fleet', 'gatepost', 'partition_claims_local', cityHash64(topic, partition))
COMMENT 'Claims to parts of the record log, not yet merged: read the view partition_owners'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.partition_owners ON CLUSTER 'fleet'
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
