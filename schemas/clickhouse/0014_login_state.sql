-- What is kept of logins so that nobody has to scan them: the latest of each account. It is a maximum, so that a login that
-- is inserted or fed in again changes nothing, and a late one is taken up whenever it comes.

CREATE TABLE IF NOT EXISTS gatepost.account_logins
(
    name String COMMENT 'Who logged in, in capitals: post_auth.username, or the account at the portal',
    last_login SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest successful login'
)
ENGINE = AggregatingMergeTree
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Latest successful login of each name, not yet merged: read the view account_status'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.account_logins_view TO gatepost.account_logins
(
    name String COMMENT 'Who logged in, in capitals',
    last_login DateTime64(3, 'UTC') COMMENT 'Latest successful login of an insert'
)
AS SELECT
    username AS name,
    max(received_at) AS last_login
FROM gatepost.post_auth
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
ALTER TABLE gatepost.account_logins_view MODIFY COMMENT 'Feeds account_logins from post_auth'

-- statement
-- Whoever signs up goes online for a while before the address is confirmed: with an address that may be somebody else's.
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.account_portal_logins_view TO gatepost.account_logins
(
    name String COMMENT 'Who logged in, in capitals',
    last_login DateTime64(3, 'UTC') COMMENT 'Latest successful login of an insert'
)
AS SELECT
    upperUTF8(account) AS name,
    max(issued) AS last_login
FROM gatepost.portal_sessions
WHERE account != '' AND method IN ('account', 'webhook') AND isNull(confirm_by)
GROUP BY name

-- statement
ALTER TABLE gatepost.account_portal_logins_view MODIFY COMMENT 'Feeds account_logins from portal_sessions'

-- statement
-- What was there before the views. Again: it is a maximum.
INSERT INTO gatepost.account_logins (name, last_login)
SELECT username AS name, max(received_at) AS last_login
FROM gatepost.post_auth
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
INSERT INTO gatepost.account_logins (name, last_login)
SELECT upperUTF8(account) AS name, max(issued) AS last_login
FROM gatepost.portal_sessions
WHERE account != '' AND method IN ('account', 'webhook') AND isNull(confirm_by)
GROUP BY name

-- statement
ALTER TABLE gatepost.accounts
    COMMENT COLUMN IF EXISTS last_login 'Latest successful login that an import told of; account_status has the latest of all'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.account_status
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
CREATE TABLE IF NOT EXISTS gatepost.login_calendar
(
    month Date COMMENT 'First day of the month',
    kind LowCardinality(String) COMMENT 'What subject and detail are. site: username and site_ip; mac: username and mac; certificate: cert_serial and cert_issuer',
    subject String COMMENT 'Who logged in',
    detail String COMMENT 'Where, with which device, or whose certificate it was; may be empty',
    days SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with a login, accepted or not: bit 0 is the first of the month, UTC',
    accepted SimpleAggregateFunction(groupBitOr, UInt32) COMMENT 'Days with an accepted login, in the same way',
    last_day SimpleAggregateFunction(max, Date) COMMENT 'Latest of these days'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (kind, subject, detail, month)
TTL toDateTime(last_day) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Days of each month on which users and certificates logged in, not yet merged: a row may be there in several parts, of which all count'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.login_calendar_view TO gatepost.login_calendar
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
    FROM gatepost.post_auth
)

-- statement
ALTER TABLE gatepost.login_calendar_view MODIFY COMMENT 'Feeds login_calendar from post_auth'

-- statement
-- What was there before the view. Nothing is grouped here: the engine sets the bits block by block, in little memory.
INSERT INTO gatepost.login_calendar (month, kind, subject, detail, days, accepted, last_day)
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
    FROM gatepost.post_auth
)
