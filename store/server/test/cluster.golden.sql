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

-- statement
-- Who has been forgotten. What is inserted again from a log (a replay, a late spill) leaves them out.

CREATE TABLE IF NOT EXISTS gatepost.erased_subjects_local ON CLUSTER 'fleet'
(
    hash String COMMENT 'HMAC-SHA-256 of the kind (user or mac), a colon and the value, keyed with the token key; hexadecimal',
    kind LowCardinality(String) COMMENT 'user or mac',
    erased_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the subject was forgotten'
)
ENGINE = ReplicatedReplacingMergeTree(erased_at)
ORDER BY hash
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'People who were forgotten on request, as keyed hashes: what comes again from a log leaves them out'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.erased_subjects ON CLUSTER 'fleet' AS gatepost.erased_subjects_local
ENGINE = Distributed('fleet', 'gatepost', 'erased_subjects_local', cityHash64(hash))
COMMENT 'People who were forgotten on request, as keyed hashes: what comes again from a log leaves them out'

-- statement
-- Results of the period hour: 24 of one date. A column of a sorting key that is added later may have no DEFAULT; the
-- rows there are get the type's own, 0.

ALTER TABLE gatepost.metrics_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS hour UInt8 COMMENT 'Period hour: its window ends when this hour of the date begins. Else 0' AFTER date,
    MODIFY ORDER BY (metric_name, period, date, hour)

-- statement
ALTER TABLE gatepost.metrics ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS hour UInt8 COMMENT 'Period hour: its window ends when this hour of the date begins. Else 0' AFTER date

-- statement
-- What was published where, and who may publish now.

CREATE TABLE IF NOT EXISTS gatepost.publications_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedReplacingMergeTree(published_at)
ORDER BY (publisher, metric_name, period, date, hour)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was published where. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.publications ON CLUSTER 'fleet' AS gatepost.publications_local
ENGINE = Distributed('fleet', 'gatepost', 'publications_local', cityHash64(publisher, metric_name, period, date, hour))
COMMENT 'What was published where. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.leases_local ON CLUSTER 'fleet'
(
    name LowCardinality(String) COMMENT 'What only one process may do at a time',
    newest SimpleAggregateFunction(max, Tuple(epoch UInt64, owner String, until DateTime64(3, 'UTC'))) COMMENT 'The newest lease: its number, counted up by every one; who has it; until when, by the server''s clock'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Leases, not yet merged: of each name the newest counts'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.leases ON CLUSTER 'fleet' AS gatepost.leases_local
ENGINE = Distributed('fleet', 'gatepost', 'leases_local', cityHash64(name))
COMMENT 'Leases, not yet merged: of each name the newest counts'

-- statement
-- The support desk looks for one person, device, certificate or place among a month of logins. These say which granules
-- can hold what is looked for. Rows that are there already are found without.

ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet'
    ADD INDEX IF NOT EXISTS by_username username TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_ssl_username ssl_username TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_mac mac TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_cert_serial cert_serial TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_ap ap TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_building building_identifier TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_site_ip site_ip TYPE bloom_filter(0.01) GRANULARITY 1

-- statement
-- Tokens that the portal issued.

CREATE TABLE IF NOT EXISTS gatepost.portal_sessions_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), gw_id, session_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Tokens that the portal issued, one row each'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.portal_sessions ON CLUSTER 'fleet' AS gatepost.portal_sessions_local
ENGINE = Distributed('fleet', 'gatepost', 'portal_sessions_local', rand())
COMMENT 'Tokens that the portal issued, one row each'

-- statement
-- Sessions: a token's life at one gateway. What is kept is a pure function of the raw rows: maxima, or rows that are computed from
-- all raw rows of a session and an hour and replaced, so that a replay or a late batch gives the same answer.
--
--   gateway_auth     -> session_touches   which (session, hour) has to be computed again
--   portal_sessions  -> session_origins   what the portal knew
--   gateway_auth     -> session_hours     computed by the aggregator: facts and bytes of each hour
--   session_hours    -> session_rivals    other sessions of the same client
--   session_hours    -> session_reasons   why a session was denied, as far as somebody had decided it

CREATE TABLE IF NOT EXISTS gatepost.session_touches_local ON CLUSTER 'fleet'
(
    bucket DateTime('UTC') COMMENT 'touched_at, to five minutes',
    hour DateTime('UTC') COMMENT 'Hour of the raw rows, by received_at',
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'Its gateway, as the rows have it',
    touched_at DateTime64(3, 'UTC') COMMENT 'When the latest of them came into the table'
)
ENGINE = ReplicatedReplacingMergeTree(touched_at)
ORDER BY (bucket, hour, session_id, gw_id)
TTL bucket + toIntervalHour(72)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions and hours of which raw rows came lately'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_touches ON CLUSTER 'fleet' AS gatepost.session_touches_local
ENGINE = Distributed('fleet', 'gatepost', 'session_touches_local', cityHash64(bucket, hour, session_id, gw_id))
COMMENT 'Sessions and hours of which raw rows came lately'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_touches_view ON CLUSTER 'fleet' TO gatepost.session_touches_local
(
    bucket DateTime('UTC') COMMENT 'touched_at, to five minutes',
    hour DateTime('UTC') COMMENT 'Hour of the raw rows, by received_at',
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'Its gateway, as the rows have it',
    touched_at DateTime64(3, 'UTC') COMMENT 'Now'
)
AS SELECT
    toStartOfFiveMinutes(now('UTC')) AS bucket,
    toDateTime(toStartOfHour(received_at), 'UTC') AS hour,
    session_id,
    gw_id,
    now64(3, 'UTC') AS touched_at
FROM gatepost.gateway_auth_local
WHERE own = 1 AND session_id != ''
GROUP BY hour, session_id, gw_id

-- statement
ALTER TABLE gatepost.session_touches_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds session_touches from gateway_auth'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_origins_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway that the token is for',
    session_id String COMMENT 'The session',
    origin SimpleAggregateFunction(max, Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC'))) COMMENT 'What the portal knew when it issued the token'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(origin.1) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions that the portal began, not yet merged: read the view sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_origins ON CLUSTER 'fleet' AS gatepost.session_origins_local
ENGINE = Distributed('fleet', 'gatepost', 'session_origins_local', cityHash64(gw_id, session_id))
COMMENT 'Sessions that the portal began, not yet merged: read the view sessions'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_origins_view ON CLUSTER 'fleet' TO gatepost.session_origins_local
(
    gw_id String COMMENT 'The gateway that the token is for',
    session_id String COMMENT 'The session',
    origin Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) COMMENT 'What the portal knew when it issued the token'
)
AS SELECT
    gw_id,
    session_id,
    max(tuple(issued, batch_id, batch_index, mac, ip, account, toString(method), use_by, ends)) AS origin
FROM gatepost.portal_sessions_local
GROUP BY gw_id, session_id

-- statement
ALTER TABLE gatepost.session_origins_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds session_origins from portal_sessions'

-- statement
-- Gateways before WiFiDog 1.3 send no gw_id: the portal knew it.
CREATE TABLE IF NOT EXISTS gatepost.session_gateways_local ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session',
    gw_id SimpleAggregateFunction(max, String) COMMENT 'The gateway that its token is for',
    issued SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the token was issued'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY session_id
TTL toDateTime(issued) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which gateway the token of a session is for, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_gateways ON CLUSTER 'fleet' AS gatepost.session_gateways_local
ENGINE = Distributed('fleet', 'gatepost', 'session_gateways_local', cityHash64(session_id))
COMMENT 'Which gateway the token of a session is for, not yet merged'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_gateways_view ON CLUSTER 'fleet' TO gatepost.session_gateways_local
(
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'The gateway that its token is for',
    issued DateTime64(3, 'UTC') COMMENT 'When the token was issued'
)
AS SELECT session_id, max(gw_id) AS gw_id, max(portal_sessions.issued) AS issued
FROM gatepost.portal_sessions_local AS portal_sessions
GROUP BY session_id

-- statement
ALTER TABLE gatepost.session_gateways_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds session_gateways from portal_sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_hours_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    hour DateTime('UTC') COMMENT 'The hour, by received_at, whose reports this row tells of',
    mac String COMMENT 'The client''s MAC in its latest report',
    ip String COMMENT 'The client''s address in its latest report',
    first_seen DateTime64(3, 'UTC') COMMENT 'Earliest report of the hour',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest report of the hour',
    last_ok DateTime64(3, 'UTC') COMMENT 'Latest login or counters answered 1 or 5; 1970: none, as in the columns that follow',
    last_login_ok DateTime64(3, 'UTC') COMMENT 'Latest login answered 1 or 5',
    denied_at DateTime64(3, 'UTC') COMMENT 'Latest login or counters answered 0 or 6',
    logout_at DateTime64(3, 'UTC') COMMENT 'Latest logout',
    last_answer Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16) COMMENT 'Latest login or counters and its answer',
    incoming UInt64 COMMENT 'Bytes to the client that the hour added',
    outgoing UInt64 COMMENT 'Bytes from the client that the hour added',
    reports UInt32 COMMENT 'Counters reports of the hour',
    accepted_in Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) COMMENT 'Bytes to the client: added in the hour; last accepted value; whether a login came after it; the client''s connection time then, seconds, -1 if not sent',
    accepted_out Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) COMMENT 'The same for bytes from the client',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one session and hour the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(computed_at)
ORDER BY (gw_id, session_id, hour)
TTL hour + toIntervalDay(32)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What the reports of a session and an hour come to. Read with FINAL, or read the view sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_hours ON CLUSTER 'fleet' AS gatepost.session_hours_local
ENGINE = Distributed('fleet', 'gatepost', 'session_hours_local', cityHash64(gw_id, session_id, hour))
COMMENT 'What the reports of a session and an hour come to. Read with FINAL, or read the view sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_logins_local ON CLUSTER 'fleet'
(
    mac String COMMENT 'The client''s MAC',
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    last_login_ok SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest login answered 1 or 5'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (mac, gw_id, session_id)
TTL toDateTime(last_login_ok) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'The sessions of each client, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_logins ON CLUSTER 'fleet' AS gatepost.session_logins_local
ENGINE = Distributed('fleet', 'gatepost', 'session_logins_local', cityHash64(mac, gw_id, session_id))
COMMENT 'The sessions of each client, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_rivals_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    rival_login SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest login answered 1 or 5 of another session of the same client'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(rival_login) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions whose client has logged in under another token as well, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_rivals ON CLUSTER 'fleet' AS gatepost.session_rivals_local
ENGINE = Distributed('fleet', 'gatepost', 'session_rivals_local', cityHash64(gw_id, session_id))
COMMENT 'Sessions whose client has logged in under another token as well, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_reasons_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    cut SimpleAggregateFunction(max, Tuple(denied_at DateTime64(3, 'UTC'), reason String)) COMMENT 'A denial, the latest, and why: quota:<policy> or revoked'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(cut.1) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions that were denied because somebody had decided so, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_reasons ON CLUSTER 'fleet' AS gatepost.session_reasons_local
ENGINE = Distributed('fleet', 'gatepost', 'session_reasons_local', cityHash64(gw_id, session_id))
COMMENT 'Sessions that were denied because somebody had decided so, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_gateway_facts_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    interval_seconds UInt32 COMMENT 'Interval of its heartbeats; 0: not known',
    restarted_at DateTime64(3, 'UTC') COMMENT 'Latest heartbeat whose wifidog_uptime had fallen; 1970: none',
    counters_at DateTime64(3, 'UTC') COMMENT 'An hour in which it reported counters, the latest; 1970: never',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one gateway the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(computed_at)
ORDER BY gw_id
COMMENT 'What the state of a session depends on of its gateway. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_gateway_facts ON CLUSTER 'fleet' AS gatepost.session_gateway_facts_local
ENGINE = Distributed('fleet', 'gatepost', 'session_gateway_facts_local', cityHash64(gw_id))
COMMENT 'What the state of a session depends on of its gateway. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_settings_local ON CLUSTER 'fleet'
(
    name String COMMENT 'timeout_intervals: GATEPOST_SESSION_TIMEOUT_INTERVALS; computed_until: up to where session_touches were looked at, ms since the epoch',
    value UInt64 COMMENT 'Its value',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was written; of one name the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(updated_at)
ORDER BY name
COMMENT 'What the view sessions depends on of the configuration, and how far its tables are. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_settings ON CLUSTER 'fleet' AS gatepost.session_settings_local
ENGINE = Distributed('fleet', 'gatepost', 'session_settings_local', cityHash64(name))
COMMENT 'What the view sessions depends on of the configuration, and how far its tables are. Read with FINAL'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.sessions ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, or session_limit, quota:<policy> or revoked; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Counters reports'
)
AS SELECT
    s.session_id AS session_id,
    multiIf(
        s.logout > epoch, 'logged_out',
        s.denied > epoch AND s.denied > s.ok, 'denied',
        s.ok = epoch AND s.origin.use_by > epoch AND now64(3, 'UTC') > s.origin.use_by, 'expired',
        s.ok = epoch, 'issued',
        s.login > epoch AND s.rival > s.login, 'superseded',
        s.ok < gateway.restarted_at, 'gateway_restarted',
        gateway.counters_at > epoch AND now64(3, 'UTC') > deadline, 'timed_out',
        s.answer.auth_code = 5, 'validating',
        'active') AS state,
    s.origin.account AS account,
    if(s.client.2 != '', s.client.2, s.origin.mac) AS mac,
    if(s.client.3 != '', s.client.3, s.origin.ip) AS ip,
    s.gw_id AS gw_id,
    s.origin.method AS method,
    nullIf(s.origin.issued, epoch) AS issued,
    nullIf(s.first, far) AS first_seen,
    nullIf(s.last, epoch) AS last_seen,
    multiIf(
        state IN ('issued', 'active', 'validating'), NULL,
        state = 'logged_out', s.logout,
        state = 'denied', s.denied,
        state = 'expired', s.origin.use_by,
        state = 'superseded', s.rival,
        state = 'gateway_restarted', gateway.restarted_at,
        deadline)::Nullable(DateTime64(3, 'UTC')) AS ended,
    multiIf(
        ended IS NULL, NULL,
        state = 'denied' AND s.origin.ends > epoch AND s.denied >= s.origin.ends, 'session_limit',
        state = 'denied' AND s.cut.denied_at >= s.ok AND s.cut.reason != '', s.cut.reason,
        state) AS end_reason,
    s.bytes_in AS incoming,
    s.bytes_out AS outgoing,
    s.counters AS reports,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS far,
    s.ok + toIntervalSecond(if(gateway.interval_seconds = 0, 60, gateway.interval_seconds)
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline
FROM
(
    SELECT
        gw_id,
        session_id,
        max(origin) AS origin,
        max(client) AS client,
        min(first_seen) AS first,
        max(last_seen) AS last,
        max(last_ok) AS ok,
        max(last_login_ok) AS login,
        max(denied_at) AS denied,
        max(logout_at) AS logout,
        max(last_answer) AS answer,
        max(rival_login) AS rival,
        max(cut) AS cut,
        sum(incoming) AS bytes_in,
        sum(outgoing) AS bytes_out,
        sum(reports)::UInt64 AS counters
    FROM
    (
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) AS origin,
            tuple(last_seen, mac, ip)::Tuple(DateTime64(3, 'UTC'), String, String) AS client,
            first_seen, last_seen, last_ok, last_login_ok, denied_at, logout_at, last_answer,
            toDateTime64(0, 3, 'UTC') AS rival_login, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String) AS cut,
            incoming, outgoing, reports
        FROM gatepost.session_hours FINAL
        UNION ALL
        SELECT
            gw_id, session_id, origin,
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            toDateTime64(0, 3, 'UTC'), tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String),
            0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_origins
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            rival_login, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_rivals
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            toDateTime64(0, 3, 'UTC'), cut, 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_reasons
    )
    GROUP BY gw_id, session_id
) AS s
LEFT JOIN (SELECT * FROM gatepost.session_gateway_facts FINAL) AS gateway ON gateway.gw_id = s.gw_id
COMMENT 'Every session while raw rows are kept, and its state now'

-- statement
-- What operators and policies decided about sessions, devices, accounts and gateways: a mirror, for SQL, of that part of the access-control log.
-- Credentials, vouchers and bindings are never in a table.

CREATE TABLE IF NOT EXISTS gatepost.access_decisions_local ON CLUSTER 'fleet'
(
    subject String COMMENT 'session:<id>, mac:<MAC>, account:<name> or gateway:<gw_id>',
    verdict LowCardinality(String) COMMENT 'allow or deny',
    reason String COMMENT 'Why; quota:<policy> where a policy decided',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ends; null: never',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    removed UInt8 COMMENT '1: it has been taken back, or is over',
    mirrored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was written; of one subject the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(mirrored_at)
ORDER BY subject
TTL toDateTime(multiIf(removed = 1, mirrored_at, isNull(until), toDateTime64('2100-01-01 00:00:00', 3, 'UTC'), assumeNotNull(until))) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was decided about each subject last. Read the view access_control'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.access_decisions ON CLUSTER 'fleet' AS gatepost.access_decisions_local
ENGINE = Distributed('fleet', 'gatepost', 'access_decisions_local', cityHash64(subject))
COMMENT 'What was decided about each subject last. Read the view access_control'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.access_control ON CLUSTER 'fleet'
(
    subject String COMMENT 'session:<id>, mac:<MAC>, account:<name> or gateway:<gw_id>',
    verdict String COMMENT 'allow or deny',
    reason String COMMENT 'Why; quota:<policy> where a policy decided',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ends; null: never',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was decided'
)
AS SELECT
    decided.subject AS subject,
    toString(decided.verdict) AS verdict,
    decided.reason AS reason,
    decided.until AS until,
    decided.updated_at AS updated_at
FROM (SELECT * FROM gatepost.access_decisions FINAL) AS decided
WHERE decided.removed = 0 AND (decided.until IS NULL OR decided.until > now64(3, 'UTC'))
COMMENT 'What operators and policies decided, as it is in force now'

-- statement
-- What GATEPOST_ALERT_URL was told, so that it is told once.

CREATE TABLE IF NOT EXISTS gatepost.gateway_alerts_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    event LowCardinality(String) COMMENT 'gateway_down or gateway_up',
    sent_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When; of one gateway the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(sent_at)
ORDER BY gw_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was told about each gateway last'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_alerts ON CLUSTER 'fleet' AS gatepost.gateway_alerts_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_alerts_local', cityHash64(gw_id))
COMMENT 'What was told about each gateway last'

-- statement
-- Who looked at what on the dashboard, and who did what: people's names and devices are in the tables.

CREATE TABLE IF NOT EXISTS gatepost.audit_log_local ON CLUSTER 'fleet'
(
    at DateTime64(3, 'UTC') COMMENT 'When it was asked for, by the server''s clock',
    who LowCardinality(String) COMMENT 'operator or viewer, by the password given; local: nobody had to log in; nobody: the password was wrong',
    action LowCardinality(String) COMMENT 'login, login_refused, logout, logins_search, sessions_search or session_cut_off',
    subject String COMMENT 'What it was about: the search as it stands in the address, or the session',
    remote_ip String COMMENT 'Address the request came from'
)
ENGINE = ReplicatedMergeTree
ORDER BY at
-- Hours, since GATEPOST_RETENTION_DAYS changes every TTL of days.
TTL toDateTime(at) + toIntervalHour(8784)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Searches and actions on the dashboard, one row each; kept for a year'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.audit_log ON CLUSTER 'fleet' AS gatepost.audit_log_local
ENGINE = Distributed('fleet', 'gatepost', 'audit_log_local', rand())
COMMENT 'Searches and actions on the dashboard, one row each; kept for a year'

-- statement
-- What is kept of logins so that nobody has to scan them: the latest of each account. It is a maximum, so that a login that
-- is inserted or fed in again changes nothing, and a late one is taken up whenever it comes.

CREATE TABLE IF NOT EXISTS gatepost.account_logins_local ON CLUSTER 'fleet'
(
    name String COMMENT 'Who logged in, in capitals: post_auth.username, or the account at the portal',
    last_login SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest successful login'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Latest successful login of each name, not yet merged: read the view account_status'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.account_logins ON CLUSTER 'fleet' AS gatepost.account_logins_local
ENGINE = Distributed('fleet', 'gatepost', 'account_logins_local', cityHash64(name))
COMMENT 'Latest successful login of each name, not yet merged: read the view account_status'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.account_logins_view ON CLUSTER 'fleet' TO gatepost.account_logins_local
(
    name String COMMENT 'Who logged in, in capitals',
    last_login DateTime64(3, 'UTC') COMMENT 'Latest successful login of an insert'
)
AS SELECT
    username AS name,
    max(received_at) AS last_login
FROM gatepost.post_auth_local
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
ALTER TABLE gatepost.account_logins_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds account_logins from post_auth'

-- statement
-- Whoever signs up goes online for a while before the address is confirmed: with an address that may be somebody else's.
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.account_portal_logins_view ON CLUSTER 'fleet' TO gatepost.account_logins_local
(
    name String COMMENT 'Who logged in, in capitals',
    last_login DateTime64(3, 'UTC') COMMENT 'Latest successful login of an insert'
)
AS SELECT
    upperUTF8(account) AS name,
    max(issued) AS last_login
FROM gatepost.portal_sessions_local
WHERE account != '' AND method IN ('account', 'webhook') AND isNull(confirm_by)
GROUP BY name

-- statement
ALTER TABLE gatepost.account_portal_logins_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds account_logins from portal_sessions'

-- statement
-- What was there before the views. Again: it is a maximum.
INSERT INTO gatepost.account_logins_local (name, last_login)
SELECT username AS name, max(received_at) AS last_login
FROM gatepost.post_auth_local
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
INSERT INTO gatepost.account_logins_local (name, last_login)
SELECT upperUTF8(account) AS name, max(issued) AS last_login
FROM gatepost.portal_sessions_local
WHERE account != '' AND method IN ('account', 'webhook') AND isNull(confirm_by)
GROUP BY name

-- statement
ALTER TABLE gatepost.accounts_local ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS last_login 'Latest successful login that an import told of; account_status has the latest of all'

-- statement
ALTER TABLE gatepost.accounts ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS last_login 'Latest successful login that an import told of; account_status has the latest of all'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.account_status ON CLUSTER 'fleet'
(
    username String COMMENT 'Name of the account',
    contact Nullable(String) COMMENT 'Telephone number (+...) or e-mail address the account was registered with',
    sponsor Nullable(String) COMMENT 'Who vouched for the account; the contact itself if it registered itself',
    created_at DateTime64(3, 'UTC') COMMENT 'When the account was created',
    last_login Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest successful login, seen here or told of by an import; null: never logged in'
)
AS SELECT
    account.username AS username,
    account.contact AS contact,
    account.sponsor AS sponsor,
    account.created_at AS created_at,
    -- A join that finds nothing yields 1970.
    nullIf(
        greatest(ifNull(account.last_login, toDateTime64(0, 3, 'UTC')), logins.latest),
        toDateTime64(0, 3, 'UTC')) AS last_login
FROM
(
    SELECT username, contact, sponsor, created_at, last_login, upperUTF8(username) AS login_name
    FROM gatepost.accounts FINAL
) AS account
LEFT JOIN
(
    SELECT name, max(last_login) AS latest
    FROM gatepost.account_logins
    GROUP BY name
) AS logins ON logins.name = account.login_name
COMMENT 'Accounts and their latest successful login'

-- statement
-- On which days of a month who logged in where, with which device: what metrics of many days need, at a row for each user and
-- site instead of one for each login. Days are bits, and bits are only ever set: a login that is inserted or fed in
-- again sets what is set, and a late one is taken up whenever it comes. A part of a row is deleted when the last day
-- that it tells of is: merged or not, no day goes before its raw rows are incomplete.
CREATE TABLE IF NOT EXISTS gatepost.login_calendar_local ON CLUSTER 'fleet'
(
    month Date COMMENT 'First day of the month',
    kind LowCardinality(String) COMMENT 'What subject and detail are. site: username and site_ip; mac: username and mac; certificate: cert_serial and cert_issuer',
    subject String COMMENT 'Who logged in',
    detail String COMMENT 'Where, with which device, or whose certificate it was; may be empty',
    days SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with a login, accepted or not: bit 0 is the first of the month, UTC',
    accepted SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with an accepted login, in the same way',
    last_day SimpleAggregateFunction(max, Date) COMMENT 'Latest of these days'
)
ENGINE = ReplicatedAggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (kind, subject, detail, month)
TTL toDateTime(last_day) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Days of each month on which users and certificates logged in, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.login_calendar ON CLUSTER 'fleet' AS gatepost.login_calendar_local
ENGINE = Distributed('fleet', 'gatepost', 'login_calendar_local', cityHash64(kind, subject, detail, month))
COMMENT 'Days of each month on which users and certificates logged in, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.login_calendar_view ON CLUSTER 'fleet' TO gatepost.login_calendar_local
(
    month Date COMMENT 'First day of the month',
    kind String COMMENT 'What subject and detail are',
    subject String COMMENT 'Who logged in',
    detail String COMMENT 'Where, with which device, or whose certificate it was',
    days UInt32 COMMENT 'Day of a login, as a bit',
    accepted UInt32 COMMENT 'The same if it was accepted, else 0',
    last_day Date COMMENT 'Day of a login'
)
AS SELECT month, entry.1 AS kind, entry.2 AS subject, entry.3 AS detail, days, accepted, last_day FROM
(
    SELECT
        toStartOfMonth(received_at) AS month,
        arrayJoin(multiIf(
            username != '', [('site', username, toString(site_ip)), ('mac', username, mac)],
            cert_serial != '', [('certificate', cert_serial, toString(cert_issuer))],
            arrayResize([('', '', '')], 0))) AS entry,
        bitShiftLeft(toUInt32(1), toDayOfMonth(received_at) - 1) AS days,
        if(success = 1, days, 0) AS accepted,
        toDate(received_at) AS last_day
    FROM gatepost.post_auth_local
)

-- statement
ALTER TABLE gatepost.login_calendar_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds login_calendar from post_auth'

-- statement
-- What was there before the view. Nothing is grouped here: the engine sets the bits block by block, in little memory.
INSERT INTO gatepost.login_calendar_local (month, kind, subject, detail, days, accepted, last_day)
SELECT month, entry.1, entry.2, entry.3, days, accepted, last_day FROM
(
    SELECT
        toStartOfMonth(received_at) AS month,
        arrayJoin(multiIf(
            username != '', [('site', username, toString(site_ip)), ('mac', username, mac)],
            cert_serial != '', [('certificate', cert_serial, toString(cert_issuer))],
            arrayResize([('', '', '')], 0))) AS entry,
        bitShiftLeft(toUInt32(1), toDayOfMonth(received_at) - 1) AS days,
        if(success = 1, days, 0) AS accepted,
        toDate(received_at) AS last_day
    FROM gatepost.post_auth_local
)

-- statement
-- A session is looked for in its latest hours. Parts hold what was computed at about the same time: of most of them the hours say that
-- nothing in them is that young, so that a report costs the same however many sessions there have been. One entry for
-- some 262,000 rows: within a part, which is sorted by gateway, every stretch has hours of all of its time.

ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet' ADD INDEX IF NOT EXISTS by_hour hour TYPE minmax GRANULARITY 1024

-- statement
-- What is known of logins for longer than the raw tables name people: login_calendar with pseudonyms in place of who logged in and with which
-- device. The same person has the same pseudonym, so that what is counted is the same. Bits are only ever set: copying again changes nothing.

CREATE TABLE IF NOT EXISTS gatepost.login_history_local ON CLUSTER 'fleet'
(
    month Date COMMENT 'First day of the month',
    kind LowCardinality(String) COMMENT 'What subject and detail are, as in login_calendar',
    subject String COMMENT 'Pseudonym of who logged in: SipHash-2-4 with 128 bits, keyed; hexadecimal',
    detail String COMMENT 'As in login_calendar; of kind mac the pseudonym of the device; may be empty',
    days SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with a login, accepted or not: bit 0 is the first of the month, UTC',
    accepted SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with an accepted login, in the same way',
    last_day SimpleAggregateFunction(max, Date) COMMENT 'Latest of these days'
)
ENGINE = ReplicatedAggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (kind, subject, detail, month)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Days of each month on which users and certificates logged in, under pseudonyms, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.login_history ON CLUSTER 'fleet' AS gatepost.login_history_local
ENGINE = Distributed('fleet', 'gatepost', 'login_history_local', cityHash64(kind, subject, detail, month))
COMMENT 'Days of each month on which users and certificates logged in, under pseudonyms, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.login_history_days_local ON CLUSTER 'fleet'
(
    day Date COMMENT 'A UTC day, all of whose logins were copied',
    copied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When they were copied last'
)
ENGINE = ReplicatedReplacingMergeTree(copied_at)
ORDER BY day
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which days login_history is whole for'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.login_history_days ON CLUSTER 'fleet' AS gatepost.login_history_days_local
ENGINE = Distributed('fleet', 'gatepost', 'login_history_days_local', cityHash64(day))
COMMENT 'Which days login_history is whole for'

-- statement
-- Who sent each record: the address, and the name of the credential. Rows from before have neither.

ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip LowCardinality(String) DEFAULT '' COMMENT 'Address the report came from, after trusted proxies; empty: not recorded' AFTER eap_type,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.post_auth ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip LowCardinality(String) DEFAULT '' COMMENT 'Address the report came from, after trusted proxies; empty: not recorded' AFTER eap_type,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.gateway_auth_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.gateway_auth ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.portal_sessions_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the browser''s request came from, after trusted proxies; empty: not recorded' AFTER confirm_by,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as browsers send none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.portal_sessions ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the browser''s request came from, after trusted proxies; empty: not recorded' AFTER confirm_by,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as browsers send none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.dead_letters_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the request came from, after trusted proxies; empty: not recorded' AFTER payload,
    ADD COLUMN IF NOT EXISTS sender LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.dead_letters ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the request came from, after trusted proxies; empty: not recorded' AFTER payload,
    ADD COLUMN IF NOT EXISTS sender LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip

-- statement
-- Every look at a person and every refused credential, also of SQL: equal ones of ten minutes are two rows at most.

ALTER TABLE gatepost.audit_log_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS times UInt32 DEFAULT 1 COMMENT 'How often, if more rows would say the same' AFTER remote_ip,
    COMMENT COLUMN IF EXISTS who 'operator or viewer, by the password given; local: nobody had to log in; sql:NAME: a user of the SQL endpoint; nobody: the password was wrong',
    COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, sql_query, sql_refused or sql_login_refused',
    COMMENT COLUMN IF EXISTS subject 'What it was about: the parameters of the search, the session, or the kind of SQL statement and the tables it names'

-- statement
ALTER TABLE gatepost.audit_log ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS times UInt32 DEFAULT 1 COMMENT 'How often, if more rows would say the same' AFTER remote_ip,
    COMMENT COLUMN IF EXISTS who 'operator or viewer, by the password given; local: nobody had to log in; sql:NAME: a user of the SQL endpoint; nobody: the password was wrong',
    COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, sql_query, sql_refused or sql_login_refused',
    COMMENT COLUMN IF EXISTS subject 'What it was about: the parameters of the search, the session, or the kind of SQL statement and the tables it names'

-- statement
ALTER TABLE gatepost.audit_log_local ON CLUSTER 'fleet' MODIFY COMMENT 'Looks at people, refused credentials and actions, on the dashboard and by SQL; kept for a year'

-- statement
ALTER TABLE gatepost.audit_log ON CLUSTER 'fleet' MODIFY COMMENT 'Looks at people, refused credentials and actions, on the dashboard and by SQL; kept for a year'

-- statement
-- A heartbeat is an id and a time: no gateway is left out since it does not send a number, or sends it in another form. Machines with
-- several gateways name themselves too. Rows from before have all numbers, and no machine.

ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    MODIFY COLUMN sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    MODIFY COLUMN sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    MODIFY COLUMN sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    MODIFY COLUMN sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    MODIFY COLUMN sys_load Nullable(Float64) COMMENT 'Load average of the last minute; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    MODIFY COLUMN sys_load Nullable(Float64) COMMENT 'Load average of the last minute; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    MODIFY COLUMN wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    MODIFY COLUMN wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that sent it, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_pings ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that sent it, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_auth_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that reports, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_auth ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that reports, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_latest_local ON CLUSTER 'fleet'
    MODIFY COLUMN heartbeat SimpleAggregateFunction(max, Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime Nullable(UInt64), sys_memfree Nullable(UInt64), sys_load Nullable(Float64), wifidog_uptime Nullable(UInt64))) COMMENT 'The latest heartbeat; its identity decides between two of one millisecond'

-- statement
ALTER TABLE gatepost.gateway_latest ON CLUSTER 'fleet'
    MODIFY COLUMN heartbeat SimpleAggregateFunction(max, Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime Nullable(UInt64), sys_memfree Nullable(UInt64), sys_load Nullable(Float64), wifidog_uptime Nullable(UInt64))) COMMENT 'The latest heartbeat; its identity decides between two of one millisecond'

-- statement
ALTER TABLE gatepost.gateway_latest_view ON CLUSTER 'fleet' MODIFY QUERY SELECT
    gw_id,
    max(received_at) AS last_seen,
    max(tuple(received_at, batch_id, batch_index, remote_ip, toString(user_agent), sys_uptime, sys_memfree, sys_load, wifidog_uptime)) AS heartbeat
FROM gatepost.gateway_pings_local
WHERE trusted = 1
GROUP BY gw_id

-- statement
-- A day whose heartbeats say no uptime has an empty map: the gateway was there, and that is known.
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' MODIFY QUERY SELECT
    gw_id,
    toDate(received_at) AS day,
    minMap(if(isNull(wifidog_uptime), map()::Map(Int64, Int64),
        map(toUnixTimestamp(received_at)::Int64 - assumeNotNull(wifidog_uptime)::Int64, toUnixTimestamp(received_at)::Int64))) AS first_seen,
    maxMap(if(isNull(wifidog_uptime), map()::Map(Int64, Int64),
        map(toUnixTimestamp(received_at)::Int64 - assumeNotNull(wifidog_uptime)::Int64, toUnixTimestamp(received_at)::Int64))) AS last_seen
FROM gatepost.gateway_pings_local
WHERE trusted = 1
GROUP BY gw_id, day

-- statement
-- A view whose query is modified loses the comments of its columns.
ALTER TABLE gatepost.gateway_latest_view ON CLUSTER 'fleet' COMMENT COLUMN gw_id 'The gateway''s identifier'

-- statement
ALTER TABLE gatepost.gateway_latest_view ON CLUSTER 'fleet' COMMENT COLUMN last_seen 'When the latest heartbeat of an insert was received'

-- statement
ALTER TABLE gatepost.gateway_latest_view ON CLUSTER 'fleet' COMMENT COLUMN heartbeat 'The latest heartbeat of an insert'

-- statement
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' COMMENT COLUMN gw_id 'The gateway''s identifier'

-- statement
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' COMMENT COLUMN day 'UTC day of the heartbeats'

-- statement
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' COMMENT COLUMN first_seen 'Second in which the program began -> first heartbeat of an insert that says so'

-- statement
ALTER TABLE gatepost.gateway_runs_view ON CLUSTER 'fleet' COMMENT COLUMN last_seen 'Second in which the program began -> last heartbeat of an insert that says so'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_devices_local ON CLUSTER 'fleet'
(
    device_id String COMMENT 'The machine, as it names itself in heartbeats',
    gw_id String COMMENT 'A gateway of it, for which its heartbeats count',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When its latest heartbeat for this gateway was received'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (device_id, gw_id)
TTL toDateTime(last_seen) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Machines with several gateways (apfree), not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_devices ON CLUSTER 'fleet' AS gatepost.gateway_devices_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_devices_local', cityHash64(device_id, gw_id))
COMMENT 'Machines with several gateways (apfree), not yet merged'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_devices_view ON CLUSTER 'fleet' TO gatepost.gateway_devices_local
(
    device_id String COMMENT 'The machine, as it names itself in heartbeats',
    gw_id String COMMENT 'A gateway of it, for which its heartbeats count',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest heartbeat of an insert was received'
)
AS SELECT
    toString(gateway_pings.device_id) AS device_id,
    gw_id,
    max(received_at) AS last_seen
FROM gatepost.gateway_pings_local AS gateway_pings
WHERE trusted = 1 AND gateway_pings.device_id != ''
GROUP BY device_id, gw_id

-- statement
ALTER TABLE gatepost.gateway_devices_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds gateway_devices from gateway_pings'

-- statement
CREATE OR REPLACE VIEW gatepost.gateways ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat; null: not reported',
    sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB, as of the latest heartbeat; null: not reported',
    sys_load Nullable(Float64) COMMENT 'Load average of the last minute, as of the latest heartbeat; null: not reported',
    wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat; null: not reported',
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
-- A machine with gateways is none itself: its first heartbeats come before it names them.
WHERE latest.gw_id NOT IN (SELECT device_id FROM gatepost.gateway_devices WHERE gw_id != device_id)
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'

-- statement
-- Where a login happened, as its site says: the network's name, the NAS and its port. And the realm of the user. Rows from before have none.

ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS ssid LowCardinality(String) DEFAULT '' COMMENT 'Name of the network: what follows the MAC in called_station_id' AFTER source,
    ADD COLUMN IF NOT EXISTS nas_identifier LowCardinality(String) DEFAULT '' COMMENT 'Name of the NAS (NAS-Identifier), as sent' AFTER ssid,
    ADD COLUMN IF NOT EXISTS nas_ip LowCardinality(String) DEFAULT '' COMMENT 'Address of the NAS as it says itself (NAS-IP-Address, NAS-IPv6-Address), in its one spelling' AFTER nas_identifier,
    ADD COLUMN IF NOT EXISTS nas_port_id LowCardinality(String) DEFAULT '' COMMENT 'Port or interface of the NAS (NAS-Port-Id), as sent' AFTER nas_ip,
    ADD COLUMN IF NOT EXISTS realm LowCardinality(String) DEFAULT '' COMMENT 'What follows the last @ of the user name, lower case' AFTER nas_port_id

-- statement
ALTER TABLE gatepost.post_auth ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS ssid LowCardinality(String) DEFAULT '' COMMENT 'Name of the network: what follows the MAC in called_station_id' AFTER source,
    ADD COLUMN IF NOT EXISTS nas_identifier LowCardinality(String) DEFAULT '' COMMENT 'Name of the NAS (NAS-Identifier), as sent' AFTER ssid,
    ADD COLUMN IF NOT EXISTS nas_ip LowCardinality(String) DEFAULT '' COMMENT 'Address of the NAS as it says itself (NAS-IP-Address, NAS-IPv6-Address), in its one spelling' AFTER nas_identifier,
    ADD COLUMN IF NOT EXISTS nas_port_id LowCardinality(String) DEFAULT '' COMMENT 'Port or interface of the NAS (NAS-Port-Id), as sent' AFTER nas_ip,
    ADD COLUMN IF NOT EXISTS realm LowCardinality(String) DEFAULT '' COMMENT 'What follows the last @ of the user name, lower case' AFTER nas_port_id

-- statement
-- What an installation decides once. By which rule user names are stored: names of two rules would count as two people. Where earlier
-- versions have stored names, it is theirs: the first six characters, in capitals.

CREATE TABLE IF NOT EXISTS gatepost.settings_local ON CLUSTER 'fleet'
(
    name LowCardinality(String) COMMENT 'What is decided: user_names',
    value String COMMENT 'How: lowercase, as-sent or govwifi (GATEPOST_USERNAMES)',
    decided_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was decided; the first decision holds'
)
ENGINE = ReplicatedMergeTree
ORDER BY (name, decided_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What this installation decided once, for good'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.settings ON CLUSTER 'fleet' AS gatepost.settings_local
ENGINE = Distributed('fleet', 'gatepost', 'settings_local', rand())
COMMENT 'What this installation decided once, for good'

-- statement
INSERT INTO gatepost.settings_local (name, value)
SELECT 'user_names' AS name, 'govwifi' AS value
WHERE (SELECT count() FROM gatepost.post_auth_local WHERE username != '') > 0
    OR (SELECT count() FROM gatepost.login_calendar_local WHERE kind = 'site') > 0
    OR (SELECT count() FROM gatepost.login_history_local) > 0

-- statement
-- Accounts are found without regard to case, whatever the rule.
ALTER TABLE gatepost.account_logins_view ON CLUSTER 'fleet' MODIFY QUERY SELECT
    upperUTF8(username) AS name,
    max(received_at) AS last_login
FROM gatepost.post_auth_local
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
-- A view whose query is modified loses the comments of its columns.
ALTER TABLE gatepost.account_logins_view ON CLUSTER 'fleet' COMMENT COLUMN name 'Who logged in, in capitals'

-- statement
ALTER TABLE gatepost.account_logins_view ON CLUSTER 'fleet' COMMENT COLUMN last_login 'Latest successful login of an insert'

-- statement
ALTER TABLE gatepost.account_logins_local ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS name 'Who logged in, in capitals: post_auth.username, or the account at the portal'

-- statement
ALTER TABLE gatepost.account_logins ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS name 'Who logged in, in capitals: post_auth.username, or the account at the portal'

-- statement
ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS username 'User logins: the user name by the rule of the installation (settings: user_names), by default whole and in lower case. Empty for certificate logins'

-- statement
ALTER TABLE gatepost.post_auth ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS username 'User logins: the user name by the rule of the installation (settings: user_names), by default whole and in lower case. Empty for certificate logins'

-- statement
-- RADIUS accounting: what a NAS says about the sessions of its clients, as it was sent.

CREATE TABLE IF NOT EXISTS gatepost.radius_accounting_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), unique_id)
TTL toDateTime(received_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'RADIUS accounting packets: Start, Interim-Update, Stop, Accounting-On, Accounting-Off, one row each; one that was sent again is there again'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_accounting ON CLUSTER 'fleet' AS gatepost.radius_accounting_local
ENGINE = Distributed('fleet', 'gatepost', 'radius_accounting_local', rand())
COMMENT 'RADIUS accounting packets: Start, Interim-Update, Stop, Accounting-On, Accounting-Off, one row each; one that was sent again is there again'

-- statement
ALTER TABLE gatepost.dead_letters_local ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS source 'Where the record came from: ping, auth, post-auth, accounting, or the table that refused it'

-- statement
ALTER TABLE gatepost.dead_letters ON CLUSTER 'fleet'
    COMMENT COLUMN IF EXISTS source 'Where the record came from: ping, auth, post-auth, accounting, or the table that refused it'

-- statement
-- A session ends once: with the first event after its last accepted report. So the events are kept, not the latest of each kind. Its bytes are
-- those of IPv4 and IPv6, and go on when a gateway counts anew. Rows from before hold the latest events: the defaults take them for the first.

ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS accepted_in6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_in, of the counters of IPv6' AFTER accepted_out

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS accepted_in6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_in, of the counters of IPv6' AFTER accepted_out

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS accepted_out6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_out, of the counters of IPv6' AFTER accepted_in6

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS accepted_out6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_out, of the counters of IPv6' AFTER accepted_in6

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS lower Array(Tuple(rising UInt8, value UInt64)) COMMENT 'Of these four counters: how many reports running were lower than the last accepted value and rose, and the value of the latest' AFTER accepted_out6

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS lower Array(Tuple(rising UInt8, value UInt64)) COMMENT 'Of these four counters: how many reports running were lower than the last accepted value and rose, and the value of the latest' AFTER accepted_out6

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS first_logout DateTime64(3, 'UTC') DEFAULT logout_at COMMENT 'First logout; 1970: none' AFTER lower

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS first_logout DateTime64(3, 'UTC') DEFAULT logout_at COMMENT 'First logout; 1970: none' AFTER lower

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) DEFAULT tuple(if(denied_at > last_ok, denied_at, toDateTime64(0, 3, 'UTC')), 0) COMMENT 'First counters answered 0 or 6 after the latest report of the hour that was answered 1 or 5, and the answer; 1970: none' AFTER first_logout

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) DEFAULT tuple(if(denied_at > last_ok, denied_at, toDateTime64(0, 3, 'UTC')), 0) COMMENT 'First counters answered 0 or 6 after the latest report of the hour that was answered 1 or 5, and the answer; 1970: none' AFTER first_logout

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS login_denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) COMMENT 'First login answered 0 or 6, and the answer; 1970: none' AFTER denial

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS login_denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) COMMENT 'First login answered 0 or 6, and the answer; 1970: none' AFTER denial

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS logins Array(DateTime64(3, 'UTC')) DEFAULT if(last_login_ok > toDateTime64(0, 3, 'UTC'), [last_login_ok], []) COMMENT 'Logins answered 1 or 5' AFTER login_denial

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS logins Array(DateTime64(3, 'UTC')) DEFAULT if(last_login_ok > toDateTime64(0, 3, 'UTC'), [last_login_ok], []) COMMENT 'Logins answered 1 or 5' AFTER login_denial

-- statement
ALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS interval_seconds UInt32 COMMENT 'Interval of the gateway''s heartbeats, as it was when the row was computed; 0: not known' AFTER logins

-- statement
ALTER TABLE gatepost.session_hours ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS interval_seconds UInt32 COMMENT 'Interval of the gateway''s heartbeats, as it was when the row was computed; 0: not known' AFTER logins

-- statement
ALTER TABLE gatepost.session_gateway_facts_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS restarts Array(DateTime64(3, 'UTC')) DEFAULT if(restarted_at > toDateTime64(0, 3, 'UTC'), [restarted_at], []) COMMENT 'Heartbeats whose wifidog_uptime had fallen, in order; of more than 10,000 the latest' AFTER counters_at

-- statement
ALTER TABLE gatepost.session_gateway_facts ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS restarts Array(DateTime64(3, 'UTC')) DEFAULT if(restarted_at > toDateTime64(0, 3, 'UTC'), [restarted_at], []) COMMENT 'Heartbeats whose wifidog_uptime had fallen, in order; of more than 10,000 the latest' AFTER counters_at

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_client_logins_local ON CLUSTER 'fleet'
(
    mac String COMMENT 'The client''s MAC',
    at DateTime64(3, 'UTC') COMMENT 'When the login was reported',
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session'
)
ENGINE = ReplicatedReplacingMergeTree
ORDER BY (mac, at, gw_id, session_id)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Logins of each client that were answered 1 or 5'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_client_logins ON CLUSTER 'fleet' AS gatepost.session_client_logins_local
ENGINE = Distributed('fleet', 'gatepost', 'session_client_logins_local', cityHash64(mac, at, gw_id, session_id))
COMMENT 'Logins of each client that were answered 1 or 5'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_next_logins_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    rival_logins Array(DateTime64(3, 'UTC')) COMMENT 'Logins of other sessions of the same client after this session''s last login, in order; of more than 100 the first',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one session the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(computed_at)
ORDER BY (gw_id, session_id)
TTL toDateTime(computed_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which sessions another session of the same client follows. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_next_logins ON CLUSTER 'fleet' AS gatepost.session_next_logins_local
ENGINE = Distributed('fleet', 'gatepost', 'session_next_logins_local', cityHash64(gw_id, session_id))
COMMENT 'Which sessions another session of the same client follows. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_denials_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    denied_at DateTime64(3, 'UTC') COMMENT 'When it was denied',
    reason String COMMENT 'Why: quota:<policy> or revoked'
)
ENGINE = ReplicatedReplacingMergeTree
ORDER BY (gw_id, session_id, denied_at)
TTL toDateTime(denied_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Denials that somebody had decided. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_denials ON CLUSTER 'fleet' AS gatepost.session_denials_local
ENGINE = Distributed('fleet', 'gatepost', 'session_denials_local', cityHash64(gw_id, session_id, denied_at))
COMMENT 'Denials that somebody had decided. Read with FINAL'

-- statement
INSERT INTO gatepost.session_client_logins_local (mac, at, gw_id, session_id)
SELECT mac, max(last_login_ok) AS latest, gw_id, session_id FROM gatepost.session_logins_local
WHERE mac != '' GROUP BY mac, gw_id, session_id

-- statement
INSERT INTO gatepost.session_next_logins_local (gw_id, session_id, rival_logins)
SELECT gw_id, session_id, [max(rival_login)] AS latest FROM gatepost.session_rivals_local GROUP BY gw_id, session_id

-- statement
INSERT INTO gatepost.session_denials_local (gw_id, session_id, denied_at, reason)
SELECT gw_id, session_id, max(cut).1 AS at, max(cut).2 AS why FROM gatepost.session_reasons_local GROUP BY gw_id, session_id

-- statement
ALTER TABLE gatepost.session_logins_local ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_client_logins'

-- statement
ALTER TABLE gatepost.session_logins ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_client_logins'

-- statement
ALTER TABLE gatepost.session_rivals_local ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_next_logins'

-- statement
ALTER TABLE gatepost.session_rivals ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_next_logins'

-- statement
ALTER TABLE gatepost.session_reasons_local ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_denials'

-- statement
ALTER TABLE gatepost.session_reasons ON CLUSTER 'fleet' MODIFY COMMENT 'Not written any more: session_denials'

-- statement
CREATE OR REPLACE VIEW gatepost.sessions ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted, session_limit or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, or quota:<policy>, revoked or not_confirmed; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Counters reports'
)
AS SELECT
    s.session_id AS session_id,
    multiIf(
        end_event.3 != '', end_event.3,
        s.ok = epoch, 'issued',
        s.answer.auth_code = 5, 'validating',
        'active') AS state,
    s.origin.account AS account,
    if(s.client.2 != '', s.client.2, s.origin.mac) AS mac,
    if(s.client.3 != '', s.client.3, s.origin.ip) AS ip,
    s.gw_id AS gw_id,
    s.origin.method AS method,
    nullIf(s.origin.issued, epoch) AS issued,
    nullIf(s.first, far) AS first_seen,
    nullIf(s.last, epoch) AS last_seen,
    nullIf(end_event.1, epoch) AS ended,
    multiIf(
        end_event.3 = '', NULL,
        end_event.3 = 'denied' AND s.origin.ends > epoch AND denial.1 >= s.origin.ends, 'session_limit',
        end_event.3 = 'denied' AND cut.2 != '', cut.2,
        end_event.3 = 'denied' AND denial.2 = 6, 'not_confirmed',
        end_event.3) AS end_reason,
    s.bytes_in AS incoming,
    s.bytes_out AS outgoing,
    s.counters AS reports,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS far,
    -- A login that was denied ends only a session that never was accepted; the token of any other session may be shown again.
    arraySort(arrayFilter(each -> each.1 > s.ok, if(s.ok = epoch, arrayConcat(s.denials, s.login_denials), s.denials)))[1] AS denial,
    arraySort(arrayFilter(each -> each.1 >= denial.1, s.cuts))[1] AS cut,
    s.ok + toIntervalSecond(multiIf(s.pace.2 > 0, s.pace.2, gateway.interval_seconds > 0, gateway.interval_seconds, 60)
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline,
    -- The earliest of what may have ended it. Of two at the same time the first in this list. Silence ends nothing of which the gateway told
    -- an end later.
    arraySort(arrayFilter(each -> each.1 > epoch, [
        (s.logout, 1, 'logged_out'),
        (denial.1, 2, 'denied'),
        (if(s.ok = epoch AND now64(3, 'UTC') > s.origin.use_by, s.origin.use_by, epoch), 3, 'expired'),
        (if(s.login > epoch, arrayFirst(at -> at > s.ok, s.rivals), epoch), 4, 'superseded'),
        (if(s.ok > epoch, arrayFirst(at -> at > s.ok, gateway.restarts), epoch), 5, 'gateway_restarted'),
        (if(now64(3, 'UTC') > s.origin.ends, s.origin.ends, epoch), 6, 'session_limit'),
        (if(s.ok > epoch AND s.logout = epoch AND denial.1 = epoch AND gateway.counters_at > epoch AND now64(3, 'UTC') > deadline, deadline, epoch), 7, 'timed_out')
    ]::Array(Tuple(DateTime64(3, 'UTC'), UInt8, String))))[1] AS end_event
FROM
(
    SELECT
        gw_id,
        session_id,
        max(origin) AS origin,
        max(client) AS client,
        min(first_seen) AS first,
        max(last_seen) AS last,
        max(last_ok) AS ok,
        max(last_login_ok) AS login,
        minIf(first_logout, toUnixTimestamp64Milli(first_logout) > 0) AS logout,
        max(last_answer) AS answer,
        max(tuple(last_ok, interval_seconds)) AS pace,
        groupArrayIf(denial, toUnixTimestamp64Milli(denial.1) > 0) AS denials,
        groupArrayIf(login_denial, toUnixTimestamp64Milli(login_denial.1) > 0) AS login_denials,
        max(rival_logins) AS rivals,
        groupArrayIf(cut, cut.2 != '') AS cuts,
        sum(incoming) AS bytes_in,
        sum(outgoing) AS bytes_out,
        sum(reports)::UInt64 AS counters
    FROM
    (
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) AS origin,
            tuple(last_seen, mac, ip)::Tuple(DateTime64(3, 'UTC'), String, String) AS client,
            first_seen, last_seen, last_ok, last_login_ok, first_logout, last_answer, interval_seconds, denial, login_denial,
            []::Array(DateTime64(3, 'UTC')) AS rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String) AS cut,
            incoming, outgoing, reports
        FROM gatepost.session_hours FINAL
        UNION ALL
        SELECT
            gw_id, session_id, origin,
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String),
            0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_origins
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_next_logins FINAL
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(denied_at, reason)::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_denials FINAL
    )
    GROUP BY gw_id, session_id
) AS s
LEFT JOIN (SELECT * FROM gatepost.session_gateway_facts FINAL) AS gateway ON gateway.gw_id = s.gw_id
COMMENT 'Every session while raw rows are kept, and its state now'

-- statement
-- Sessions of RADIUS accounting. What a packet says of its session is a maximum, a minimum, or an entry of a map whose key is the session's
-- own time: a packet that is inserted or sent again changes nothing, and their order does not matter.

CREATE TABLE IF NOT EXISTS gatepost.radius_session_days_local ON CLUSTER 'fleet'
(
    nas String COMMENT 'The NAS: radius_accounting.nas',
    unique_id String COMMENT 'The session',
    day Date COMMENT 'UTC day of event_at, whose packets this row tells of',
    username SimpleAggregateFunction(max, String) COMMENT 'Who it is',
    mac SimpleAggregateFunction(max, String) COMMENT 'The client''s MAC',
    place SimpleAggregateFunction(max, Tuple(event_at DateTime64(3, 'UTC'), ap String, ssid String, ip String, ipv6 String)) COMMENT 'Where it was, and its addresses, in the latest packet',
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest packet',
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest packet',
    began_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'When it began: the time of a packet less its session time',
    stop SimpleAggregateFunction(max, Tuple(event_at DateTime64(3, 'UTC'), session_time UInt64, cause String)) COMMENT 'When it stopped, after how many seconds, and why; 1970: not',
    incoming SimpleAggregateFunction(maxMap, Map(UInt64, UInt64)) COMMENT 'Session time, seconds -> bytes to the client until then',
    outgoing SimpleAggregateFunction(maxMap, Map(UInt64, UInt64)) COMMENT 'Session time, seconds -> bytes from the client until then',
    times SimpleAggregateFunction(minMap, Map(UInt64, Int64)) COMMENT 'Session time, seconds -> when that was, seconds since the epoch'
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (nas, unique_id, day)
TTL toDateTime(day) + toIntervalDay(32)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What the accounting packets of a session and a day come to, not yet merged: read the view radius_sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_session_days ON CLUSTER 'fleet' AS gatepost.radius_session_days_local
ENGINE = Distributed('fleet', 'gatepost', 'radius_session_days_local', cityHash64(nas, unique_id, day))
COMMENT 'What the accounting packets of a session and a day come to, not yet merged: read the view radius_sessions'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.radius_session_days_view ON CLUSTER 'fleet' TO gatepost.radius_session_days_local
(
    nas String COMMENT 'The NAS',
    unique_id String COMMENT 'The session',
    day Date COMMENT 'UTC day of event_at',
    username String COMMENT 'Who it is',
    mac String COMMENT 'The client''s MAC',
    place Tuple(event_at DateTime64(3, 'UTC'), ap String, ssid String, ip String, ipv6 String) COMMENT 'Where it was, and its addresses, in the latest packet of an insert',
    first_at DateTime64(3, 'UTC') COMMENT 'Earliest packet of an insert',
    last_at DateTime64(3, 'UTC') COMMENT 'Latest packet of an insert',
    began_at DateTime64(3, 'UTC') COMMENT 'When it began',
    stop Tuple(event_at DateTime64(3, 'UTC'), session_time UInt64, cause String) COMMENT 'When it stopped, after how many seconds, and why; 1970: not',
    incoming Map(UInt64, UInt64) COMMENT 'Session time, seconds -> bytes to the client until then',
    outgoing Map(UInt64, UInt64) COMMENT 'Session time, seconds -> bytes from the client until then',
    times Map(UInt64, Int64) COMMENT 'Session time, seconds -> when that was, seconds since the epoch'
)
AS SELECT
    toString(radius_accounting.nas) AS nas,
    radius_accounting.unique_id AS unique_id,
    toDate(radius_accounting.event_at) AS day,
    max(radius_accounting.username) AS username,
    max(radius_accounting.mac) AS mac,
    max(tuple(radius_accounting.event_at, toString(radius_accounting.ap), toString(radius_accounting.ssid), radius_accounting.framed_ip, radius_accounting.framed_ipv6)) AS place,
    min(radius_accounting.event_at) AS first_at,
    max(radius_accounting.event_at) AS last_at,
    -- A session time of more than a year is none.
    min(radius_accounting.event_at - toIntervalSecond(if(ifNull(radius_accounting.session_time, 0) > 31622400, 0, ifNull(radius_accounting.session_time, 0)))) AS began_at,
    max(if(radius_accounting.status_type = 'Stop', tuple(radius_accounting.event_at, ifNull(radius_accounting.session_time, 0), toString(radius_accounting.terminate_cause)),
        tuple(toDateTime64(0, 3, 'UTC'), 0::UInt64, ''))) AS stop,
    maxMap(if(isNull(radius_accounting.output_octets) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, UInt64),
        map(ifNull(radius_accounting.session_time, 0), assumeNotNull(radius_accounting.output_octets))::Map(UInt64, UInt64))) AS incoming,
    maxMap(if(isNull(radius_accounting.input_octets) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, UInt64),
        map(ifNull(radius_accounting.session_time, 0), assumeNotNull(radius_accounting.input_octets))::Map(UInt64, UInt64))) AS outgoing,
    minMap(if((isNull(radius_accounting.output_octets) AND isNull(radius_accounting.input_octets)) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, Int64),
        map(ifNull(radius_accounting.session_time, 0), toUnixTimestamp(radius_accounting.event_at)::Int64)::Map(UInt64, Int64))) AS times
FROM gatepost.radius_accounting_local AS radius_accounting
WHERE radius_accounting.unique_id != ''
GROUP BY nas, unique_id, day

-- statement
ALTER TABLE gatepost.radius_session_days_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds radius_session_days from radius_accounting'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_restarts_local ON CLUSTER 'fleet'
(
    nas String COMMENT 'The NAS',
    at DateTime64(3, 'UTC') COMMENT 'When it said that its accounting is on, or off'
)
ENGINE = ReplicatedReplacingMergeTree
ORDER BY (nas, at)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Accounting-On and Accounting-Off: the sessions of the NAS from before are over'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_restarts ON CLUSTER 'fleet' AS gatepost.radius_nas_restarts_local
ENGINE = Distributed('fleet', 'gatepost', 'radius_nas_restarts_local', cityHash64(nas, at))
COMMENT 'Accounting-On and Accounting-Off: the sessions of the NAS from before are over'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.radius_nas_restarts_view ON CLUSTER 'fleet' TO gatepost.radius_nas_restarts_local
(
    nas String COMMENT 'The NAS',
    at DateTime64(3, 'UTC') COMMENT 'When it said that its accounting is on, or off'
)
AS SELECT DISTINCT toString(radius_accounting.nas) AS nas, radius_accounting.event_at AS at
FROM gatepost.radius_accounting_local AS radius_accounting
WHERE radius_accounting.status_type IN ('Accounting-On', 'Accounting-Off')

-- statement
ALTER TABLE gatepost.radius_nas_restarts_view ON CLUSTER 'fleet' MODIFY COMMENT 'Feeds radius_nas_restarts from radius_accounting'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_facts_local ON CLUSTER 'fleet'
(
    nas String COMMENT 'The NAS',
    interval_seconds UInt32 COMMENT 'Interval of the interim updates of its sessions: the median of the last two hours that had some',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one NAS the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(computed_at)
ORDER BY nas
COMMENT 'What the state of a RADIUS session depends on of its NAS. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_facts ON CLUSTER 'fleet' AS gatepost.radius_nas_facts_local
ENGINE = Distributed('fleet', 'gatepost', 'radius_nas_facts_local', cityHash64(nas))
COMMENT 'What the state of a RADIUS session depends on of its NAS. Read with FINAL'

-- statement
-- What was there before the views. Again: it changes nothing.
INSERT INTO gatepost.radius_nas_restarts_local (nas, at)
SELECT DISTINCT toString(radius_accounting.nas), radius_accounting.event_at FROM gatepost.radius_accounting_local AS radius_accounting
WHERE radius_accounting.status_type IN ('Accounting-On', 'Accounting-Off')

-- statement
CREATE VIEW IF NOT EXISTS gatepost.radius_sessions ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session: Acct-Unique-Session-Id',
    state String COMMENT 'active, stopped, nas_restarted, superseded or timed_out: docs/sessions.md',
    account String COMMENT 'The user name, as radius_accounting has it',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address, IPv4 if it has one',
    gw_id String COMMENT 'The NAS: radius_accounting.nas',
    ap String COMMENT 'The access point''s MAC, in its latest packet',
    ssid String COMMENT 'Name of the network, in its latest packet',
    first_seen DateTime64(3, 'UTC') COMMENT 'First packet of the session',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest packet',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while active',
    end_reason Nullable(String) COMMENT 'Why it ended: the cause of the Stop, such as User-Request, else the state; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Packets with counters, repeated ones once'
)
AS SELECT
    s.unique_id AS session_id,
    if(end_event.3 = '', 'active', end_event.3) AS state,
    s.user AS account,
    s.client AS mac,
    if(s.latest.4 != '', s.latest.4, s.latest.5) AS ip,
    s.nas AS gw_id,
    s.latest.2 AS ap,
    s.latest.3 AS ssid,
    s.first AS first_seen,
    s.last AS last_seen,
    if(end_event.3 = '', NULL, end_event.1) AS ended,
    multiIf(end_event.3 = '', NULL, end_event.3 = 'stopped' AND s.stopped.3 != '', s.stopped.3, end_event.3) AS end_reason,
    arraySum(arrayMap((now, before) -> if(now >= before, (now - before)::UInt64, now), to_client, arraySlice(arrayPushFront(to_client, 0::UInt64), 1, length(to_client)))) AS incoming,
    arraySum(arrayMap((now, before) -> if(now >= before, (now - before)::UInt64, now), from_client, arraySlice(arrayPushFront(from_client, 0::UInt64), 1, length(from_client)))) AS outgoing,
    length(s.seconds)::UInt64 AS reports,
    -- The Stop is the last word: what comes with a later session time is not counted.
    arrayFilter((bytes, time) -> s.stopped.2 = 0 OR time <= s.stopped.2, mapValues(s.bytes_in), mapKeys(s.bytes_in)) AS to_client,
    arrayFilter((bytes, time) -> s.stopped.2 = 0 OR time <= s.stopped.2, mapValues(s.bytes_out), mapKeys(s.bytes_out)) AS from_client,
    toDateTime64(0, 3, 'UTC') AS epoch,
    s.last + toIntervalSecond(facts.interval_seconds
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline,
    -- The earliest of what may have ended it. Of two at the same time the first in this list.
    arraySort(arrayFilter(each -> each.1 > epoch, [
        (s.stopped.1, 1, 'stopped'),
        (arrayFirst(at -> at > s.last, restarts.at), 2, 'nas_restarted'),
        (arrayFirst(next -> next > (s.last, s.unique_id), rivals.began).1, 3, 'superseded'),
        (if(facts.interval_seconds > 0 AND now64(3, 'UTC') > deadline, deadline, epoch), 4, 'timed_out')
    ]::Array(Tuple(DateTime64(3, 'UTC'), UInt8, String))))[1] AS end_event
FROM
(
    SELECT
        nas,
        unique_id,
        max(days.username) AS user,
        max(days.mac) AS client,
        max(days.place) AS latest,
        min(days.first_at) AS first,
        max(days.last_at) AS last,
        max(days.stop) AS stopped,
        maxMap(days.incoming) AS bytes_in,
        maxMap(days.outgoing) AS bytes_out,
        minMap(days.times) AS seconds
    FROM gatepost.radius_session_days AS days
    GROUP BY nas, unique_id
) AS s
LEFT JOIN
(
    SELECT nas, arraySort(groupUniqArray(rows.at)) AS at FROM gatepost.radius_nas_restarts AS rows GROUP BY nas
) AS restarts ON restarts.nas = s.nas
LEFT JOIN
(
    -- Devices with several sessions: when each began.
    SELECT mac, arraySort(groupArray(tuple(start, unique_id))) AS began FROM
    (
        SELECT nas, unique_id, max(days.mac) AS mac, min(days.began_at) AS start
        FROM gatepost.radius_session_days AS days
        GROUP BY nas, unique_id
        HAVING mac != ''
    )
    GROUP BY mac
    HAVING length(began) > 1
) AS rivals ON rivals.mac = s.client
LEFT JOIN (SELECT * FROM gatepost.radius_nas_facts FINAL) AS facts ON facts.nas = s.nas
COMMENT 'Sessions of RADIUS accounting while raw rows are kept, and their state now; the view sessions has them too'

-- statement
-- As the view sessions was before.
CREATE OR REPLACE VIEW gatepost.gateway_sessions ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted, session_limit or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, or quota:<policy>, revoked or not_confirmed; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Counters reports'
)
AS SELECT
    s.session_id AS session_id,
    multiIf(
        end_event.3 != '', end_event.3,
        s.ok = epoch, 'issued',
        s.answer.auth_code = 5, 'validating',
        'active') AS state,
    s.origin.account AS account,
    if(s.client.2 != '', s.client.2, s.origin.mac) AS mac,
    if(s.client.3 != '', s.client.3, s.origin.ip) AS ip,
    s.gw_id AS gw_id,
    s.origin.method AS method,
    nullIf(s.origin.issued, epoch) AS issued,
    nullIf(s.first, far) AS first_seen,
    nullIf(s.last, epoch) AS last_seen,
    nullIf(end_event.1, epoch) AS ended,
    multiIf(
        end_event.3 = '', NULL,
        end_event.3 = 'denied' AND s.origin.ends > epoch AND denial.1 >= s.origin.ends, 'session_limit',
        end_event.3 = 'denied' AND cut.2 != '', cut.2,
        end_event.3 = 'denied' AND denial.2 = 6, 'not_confirmed',
        end_event.3) AS end_reason,
    s.bytes_in AS incoming,
    s.bytes_out AS outgoing,
    s.counters AS reports,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS far,
    -- A login that was denied ends only a session that never was accepted; the token of any other session may be shown again.
    arraySort(arrayFilter(each -> each.1 > s.ok, if(s.ok = epoch, arrayConcat(s.denials, s.login_denials), s.denials)))[1] AS denial,
    arraySort(arrayFilter(each -> each.1 >= denial.1, s.cuts))[1] AS cut,
    s.ok + toIntervalSecond(multiIf(s.pace.2 > 0, s.pace.2, gateway.interval_seconds > 0, gateway.interval_seconds, 60)
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline,
    -- The earliest of what may have ended it. Of two at the same time the first in this list. Silence ends nothing of which the gateway told
    -- an end later.
    arraySort(arrayFilter(each -> each.1 > epoch, [
        (s.logout, 1, 'logged_out'),
        (denial.1, 2, 'denied'),
        (if(s.ok = epoch AND now64(3, 'UTC') > s.origin.use_by, s.origin.use_by, epoch), 3, 'expired'),
        (if(s.login > epoch, arrayFirst(at -> at > s.ok, s.rivals), epoch), 4, 'superseded'),
        (if(s.ok > epoch, arrayFirst(at -> at > s.ok, gateway.restarts), epoch), 5, 'gateway_restarted'),
        (if(now64(3, 'UTC') > s.origin.ends, s.origin.ends, epoch), 6, 'session_limit'),
        (if(s.ok > epoch AND s.logout = epoch AND denial.1 = epoch AND gateway.counters_at > epoch AND now64(3, 'UTC') > deadline, deadline, epoch), 7, 'timed_out')
    ]::Array(Tuple(DateTime64(3, 'UTC'), UInt8, String))))[1] AS end_event
FROM
(
    SELECT
        gw_id,
        session_id,
        max(origin) AS origin,
        max(client) AS client,
        min(first_seen) AS first,
        max(last_seen) AS last,
        max(last_ok) AS ok,
        max(last_login_ok) AS login,
        minIf(first_logout, toUnixTimestamp64Milli(first_logout) > 0) AS logout,
        max(last_answer) AS answer,
        max(tuple(last_ok, interval_seconds)) AS pace,
        groupArrayIf(denial, toUnixTimestamp64Milli(denial.1) > 0) AS denials,
        groupArrayIf(login_denial, toUnixTimestamp64Milli(login_denial.1) > 0) AS login_denials,
        max(rival_logins) AS rivals,
        groupArrayIf(cut, cut.2 != '') AS cuts,
        sum(incoming) AS bytes_in,
        sum(outgoing) AS bytes_out,
        sum(reports)::UInt64 AS counters
    FROM
    (
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) AS origin,
            tuple(last_seen, mac, ip)::Tuple(DateTime64(3, 'UTC'), String, String) AS client,
            first_seen, last_seen, last_ok, last_login_ok, first_logout, last_answer, interval_seconds, denial, login_denial,
            []::Array(DateTime64(3, 'UTC')) AS rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String) AS cut,
            incoming, outgoing, reports
        FROM gatepost.session_hours FINAL
        UNION ALL
        SELECT
            gw_id, session_id, origin,
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String),
            0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_origins
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_next_logins FINAL
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(denied_at, reason)::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_denials FINAL
    )
    GROUP BY gw_id, session_id
) AS s
LEFT JOIN (SELECT * FROM gatepost.session_gateway_facts FINAL) AS gateway ON gateway.gw_id = s.gw_id
COMMENT 'Sessions of WiFiDog gateways while raw rows are kept, and their state now; the view sessions has them too'

-- statement
CREATE OR REPLACE VIEW gatepost.sessions ON CLUSTER 'fleet'
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token; of RADIUS its Acct-Unique-Session-Id',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted, session_limit or timed_out; of RADIUS active, stopped, nas_restarted, superseded or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway, or the NAS',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system, or none was',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, the cause of a Stop, or quota:<policy>, revoked or not_confirmed; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Reports with counters',
    source String COMMENT 'Who reports it: wifidog, or radius'
)
AS SELECT session_id, state, account, mac, ip, gw_id, method, issued, first_seen, last_seen, ended, end_reason, incoming, outgoing, reports, 'wifidog' AS source
FROM gatepost.gateway_sessions
UNION ALL
SELECT session_id, state, account, mac, ip, gw_id, '' AS method, CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS issued, toNullable(first_seen) AS first_seen, toNullable(last_seen) AS last_seen, ended, end_reason, incoming, outgoing, reports, 'radius' AS source
FROM gatepost.radius_sessions
COMMENT 'Every session while raw rows are kept, and its state now'

-- statement
-- Cookies that are nobody's, and what viewers tried to change.

ALTER TABLE gatepost.audit_log_local ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, sql_query, sql_refused or sql_login_refused'

-- statement
ALTER TABLE gatepost.audit_log ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, sql_query, sql_refused or sql_login_refused'

-- statement
-- Bytes of sessions by the hour, of gateways and of RADIUS: what quotas of a day count.

CREATE VIEW IF NOT EXISTS gatepost.session_traffic ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway, or the NAS',
    session_id String COMMENT 'The session, as the view sessions names it',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    hour DateTime('UTC') COMMENT 'Hour in which the bytes were reported',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    source String COMMENT 'Who reports it: wifidog, or radius'
)
AS SELECT
    hours.gw_id AS gw_id, hours.session_id AS session_id, origins.account AS account,
    if(hours.mac != '', hours.mac, origins.mac) AS mac, toDateTime(hours.hour, 'UTC') AS hour, hours.incoming AS incoming, hours.outgoing AS outgoing, 'wifidog' AS source
FROM (SELECT gw_id, session_id, mac, hour, incoming, outgoing FROM gatepost.session_hours FINAL) AS hours
LEFT JOIN
(
    SELECT gw_id, session_id, max(origin).account AS account, max(origin).mac AS mac FROM gatepost.session_origins GROUP BY gw_id, session_id
) AS origins ON origins.gw_id = hours.gw_id AND origins.session_id = hours.session_id
UNION ALL
-- What a counter rose by since the value before it, at the time of the later one; as the view radius_sessions adds it up.
SELECT
    nas AS gw_id, unique_id AS session_id, user AS account, client AS mac, each.1 AS hour, sum(each.2) AS incoming, sum(each.3) AS outgoing, 'radius' AS source
FROM
(
    SELECT
        nas, unique_id,
        max(days.username) AS user,
        max(days.mac) AS client,
        max(days.stop).2 AS stopped_after,
        minMap(days.times) AS seconds,
        mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, maxMap(days.incoming)) AS counted_in,
        mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, maxMap(days.outgoing)) AS counted_out,
        arrayConcat(
            arrayMap((time, bytes, before) -> (toStartOfHour(toDateTime(seconds[time], 'UTC')), if(bytes >= before, (bytes - before)::UInt64, bytes), 0::UInt64),
                mapKeys(counted_in), mapValues(counted_in), arraySlice(arrayPushFront(mapValues(counted_in), 0::UInt64), 1, length(counted_in))),
            arrayMap((time, bytes, before) -> (toStartOfHour(toDateTime(seconds[time], 'UTC')), 0::UInt64, if(bytes >= before, (bytes - before)::UInt64, bytes)),
                mapKeys(counted_out), mapValues(counted_out), arraySlice(arrayPushFront(mapValues(counted_out), 0::UInt64), 1, length(counted_out)))
        ) AS parts
    FROM gatepost.radius_session_days AS days
    GROUP BY nas, unique_id
)
ARRAY JOIN parts AS each
GROUP BY nas, unique_id, user, client, hour
COMMENT 'Bytes of every session and hour while raw rows are kept'

-- statement
-- Disconnect-Requests to NAS (RFC 5176), and what became of them.

CREATE TABLE IF NOT EXISTS gatepost.radius_disconnects_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
ORDER BY (nas, unique_id, at)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Requests to end sessions that were sent to NAS, and their outcomes'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_disconnects ON CLUSTER 'fleet' AS gatepost.radius_disconnects_local
ENGINE = Distributed('fleet', 'gatepost', 'radius_disconnects_local', rand())
COMMENT 'Requests to end sessions that were sent to NAS, and their outcomes'

-- statement
-- Vouchers that were made or released on the dashboard.

ALTER TABLE gatepost.audit_log_local ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, vouchers_created, voucher_released, sql_query, sql_refused or sql_login_refused'

-- statement
ALTER TABLE gatepost.audit_log ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, vouchers_created, voucher_released, sql_query, sql_refused or sql_login_refused'

-- statement
-- Records that were followed as they came in (gatepost tail).

ALTER TABLE gatepost.audit_log_local ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, records_followed (gatepost tail), dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, vouchers_created, voucher_released, sql_query, sql_refused or sql_login_refused'

-- statement
ALTER TABLE gatepost.audit_log ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, records_followed (gatepost tail), dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, vouchers_created, voucher_released, sql_query, sql_refused or sql_login_refused'

-- statement
-- How a user was authenticated: eap_type says only whether with a certificate. Rows from before do not say it.

ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS auth_method LowCardinality(String) DEFAULT '' COMMENT 'How the user was authenticated, eap_type as sent: TLS, PAP, or method and method inside its tunnel, such as PEAP/MSCHAPv2; empty: not said' AFTER realm

-- statement
ALTER TABLE gatepost.post_auth ON CLUSTER 'fleet'
    ADD COLUMN IF NOT EXISTS auth_method LowCardinality(String) DEFAULT '' COMMENT 'How the user was authenticated, eap_type as sent: TLS, PAP, or method and method inside its tunnel, such as PEAP/MSCHAPv2; empty: not said' AFTER realm

-- statement
-- More login methods than there were.

ALTER TABLE gatepost.portal_sessions_local ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS method 'The login method, as GATEPOST_LOGIN names it'

-- statement
ALTER TABLE gatepost.portal_sessions ON CLUSTER 'fleet' COMMENT COLUMN IF EXISTS method 'The login method, as GATEPOST_LOGIN names it'

-- statement
-- Two gateways that call themselves the same are noticed.

CREATE OR REPLACE VIEW gatepost.gateways ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat; null: not reported',
    sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB, as of the latest heartbeat; null: not reported',
    sys_load Nullable(Float64) COMMENT 'Load average of the last minute, as of the latest heartbeat; null: not reported',
    wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat; null: not reported',
    interval_seconds Nullable(UInt32) COMMENT 'Median gap between its heartbeats of the last two hours; null: fewer than three of them',
    clients UInt32 COMMENT 'Clients whose latest report within three intervals (at most an hour) is an allowed login or counters',
    restarts UInt32 COMMENT 'How often wifidog_uptime fell, while raw rows are kept',
    warning String COMMENT 'same_id: several gateways call themselves so, as the uptimes in their heartbeats of the last two hours show. Empty: nothing is wrong',
    addresses Array(String) COMMENT 'Addresses of its heartbeats of the last two hours'
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
    if(intervals.backwards >= 3, 'same_id', '') AS warning,
    intervals.addresses AS addresses,
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
        if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32 AS seconds,
        -- When the program began, as each heartbeat says it. A restart moves that forward; a clock that is set may move it back, once. Two
        -- programs that run side by side move it back again and again. Half a minute is more than a network delays a heartbeat.
        arraySort(groupUniqArrayIf(tuple(received_at, toUnixTimestamp(received_at)::Int64 - ifNull(ifNull(wifidog_uptime, sys_uptime), 0)::Int64),
            NOT isNull(wifidog_uptime) OR NOT isNull(sys_uptime))) AS begins,
        arrayCount((later, earlier) -> later.2 < earlier.2 - 30, arrayPopFront(begins), arrayPopBack(begins)) AS backwards,
        arraySort(groupUniqArray(10)(toString(gateway_pings.remote_ip))) AS addresses
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
-- A machine with gateways is none itself: its first heartbeats come before it names them.
WHERE latest.gw_id NOT IN (SELECT device_id FROM gatepost.gateway_devices WHERE gw_id != device_id)
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'

-- statement
-- What GATEPOST_ALERT_URL was told of warnings about gateways, so that it is told once.

CREATE TABLE IF NOT EXISTS gatepost.gateway_warnings_local ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway',
    warning LowCardinality(String) COMMENT 'same_id, as the view gateways has it; empty: it is over',
    sent_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When; of one gateway the newest counts'
)
ENGINE = ReplicatedReplacingMergeTree(sent_at)
ORDER BY gw_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What was told about each gateway that has a warning, or had one'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_warnings ON CLUSTER 'fleet' AS gatepost.gateway_warnings_local
ENGINE = Distributed('fleet', 'gatepost', 'gateway_warnings_local', cityHash64(gw_id))
COMMENT 'What was told about each gateway that has a warning, or had one'

-- statement
-- What users of the SQL endpoint ran, how long it took and how much it returned.

CREATE TABLE IF NOT EXISTS gatepost.sql_queries_local ON CLUSTER 'fleet'
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
ENGINE = ReplicatedMergeTree
ORDER BY at
-- Hours, since GATEPOST_RETENTION_DAYS changes every TTL of days.
TTL toDateTime(at) + toIntervalHour(768)
SETTINGS old_parts_lifetime = 480
COMMENT 'Queries of the SQL endpoint, one row each; kept for 32 days'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.sql_queries ON CLUSTER 'fleet' AS gatepost.sql_queries_local
ENGINE = Distributed('fleet', 'gatepost', 'sql_queries_local', rand())
COMMENT 'Queries of the SQL endpoint, one row each; kept for 32 days'

-- statement
-- A client whose session is over is not counted, whether or not a report comes; clients of gateways that do not name themselves in auth requests are.

CREATE OR REPLACE VIEW gatepost.gateways ON CLUSTER 'fleet'
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat; null: not reported',
    sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB, as of the latest heartbeat; null: not reported',
    sys_load Nullable(Float64) COMMENT 'Load average of the last minute, as of the latest heartbeat; null: not reported',
    wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat; null: not reported',
    interval_seconds Nullable(UInt32) COMMENT 'Median gap between its heartbeats of the last two hours; null: fewer than three of them',
    clients UInt32 COMMENT 'Clients whose latest report within three intervals (at most an hour) is an allowed login or counters, and whose session has not reached its end',
    restarts UInt32 COMMENT 'How often wifidog_uptime fell, while raw rows are kept',
    warning String COMMENT 'same_id: several gateways call themselves so, as the uptimes in their heartbeats of the last two hours show. Empty: nothing is wrong',
    addresses Array(String) COMMENT 'Addresses of its heartbeats of the last two hours'
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
    if(intervals.backwards >= 3, 'same_id', '') AS warning,
    intervals.addresses AS addresses,
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
        if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32 AS seconds,
        -- When the program began, as each heartbeat says it. A restart moves that forward; a clock that is set may move it back, once. Two
        -- programs that run side by side move it back again and again. Half a minute is more than a network delays a heartbeat.
        arraySort(groupUniqArrayIf(tuple(received_at, toUnixTimestamp(received_at)::Int64 - ifNull(ifNull(wifidog_uptime, sys_uptime), 0)::Int64),
            NOT isNull(wifidog_uptime) OR NOT isNull(sys_uptime))) AS begins,
        arrayCount((later, earlier) -> later.2 < earlier.2 - 30, arrayPopFront(begins), arrayPopBack(begins)) AS backwards,
        arraySort(groupUniqArray(10)(toString(gateway_pings.remote_ip))) AS addresses
    FROM gatepost.gateway_pings
    WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR
    GROUP BY gw_id
) AS intervals ON intervals.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT client.gw_id AS gw_id, groupArray(client.at) AS latest_reports
    FROM
    (
        SELECT
            if(auth.gw_id != '', auth.gw_id, known.gw_id) AS gw_id,
            if(auth.mac = '', auth.session_id, auth.mac) AS client,
            max(auth.received_at) AS at,
            argMax((auth.session_id, auth.stage != 'logout' AND auth.auth_code IN (1, 5)), tuple(auth.received_at, auth.batch_id, auth.batch_index)) AS latest
        FROM gatepost.gateway_auth AS auth
        LEFT JOIN
        (
            -- WiFiDog before 1.3 does not name itself; the token's issue tells its gateway.
            SELECT session_id, max(session_gateways.gw_id) AS gw_id
            FROM gatepost.session_gateways
            WHERE session_id IN
            (
                SELECT DISTINCT session_id FROM gatepost.gateway_auth
                WHERE own = 1 AND gw_id = '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            )
            GROUP BY session_id
        ) AS known ON known.session_id = auth.session_id
        WHERE auth.own = 1 AND (auth.gw_id != '' OR known.gw_id != '') AND auth.received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
        GROUP BY 1, 2
    ) AS client
    LEFT JOIN
    (
        -- The key of the table begins with both.
        SELECT gw_id, session_id, max(origin).9 AS ends
        FROM gatepost.session_origins
        WHERE (gw_id, session_id) IN
        (
            SELECT DISTINCT gw_id, session_id FROM gatepost.gateway_auth
            WHERE own = 1 AND gw_id != '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            UNION ALL
            SELECT gw_id, session_id FROM gatepost.session_gateways
            WHERE session_id IN
            (
                SELECT DISTINCT session_id FROM gatepost.gateway_auth
                WHERE own = 1 AND gw_id = '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            )
        )
        GROUP BY gw_id, session_id
    ) AS origins ON origins.gw_id = client.gw_id AND origins.session_id = client.latest.1
    WHERE client.latest.2 AND (toUnixTimestamp64Milli(origins.ends) = 0 OR origins.ends > now64(3, 'UTC'))
    GROUP BY client.gw_id
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
-- A machine with gateways is none itself: its first heartbeats come before it names them.
WHERE latest.gw_id NOT IN (SELECT device_id FROM gatepost.gateway_devices WHERE gw_id != device_id)
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'
