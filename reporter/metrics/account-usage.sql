-- account-usage: successful logins in the window [start, end), certificate logins (no username) left out.
--   total         distinct users
--   transactions  distinct (user, location) pairs; all sites without a known location count as one location, "none"
--   roaming       transactions - total
--   one_time      total - roaming (negative when users were at more than two locations on average)
-- A site's location is that of its address in ip_locations. Addresses are compared as numbers, so that the spelling of
-- an IPv6 address does not matter; what is not an address becomes ::, which the import refuses, and so has no location.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
WITH
    toDate({start:DateTime64(3, 'UTC')}) AS first_day,
    toDate({end:DateTime64(3, 'UTC')}) AS day_after,
    -- The window's days of a row's month, as bits; bit 0 is the first of the month.
    bitShiftLeft(toUInt64(1), least(32, greatest(0, day_after - month)))
        - bitShiftLeft(toUInt64(1), least(32, greatest(0, first_day - month))) AS window_days,
    locations AS
    (
        SELECT toIPv6OrDefault(ip) AS address, any(location_id) AS location_id
        FROM gatepost.ip_locations FINAL
        GROUP BY address
    ),
    -- First what there is little of: sites are thousands, logins are millions.
    sites AS
    (
        SELECT
            seen.site_ip AS site_ip,
            -- A join that finds nothing yields default values, and 0 may be a location.
            locations.address != toIPv6('::') AS is_known,
            locations.location_id AS location_id
        FROM
        (
            SELECT DISTINCT detail AS site_ip
            FROM gatepost.login_calendar
            WHERE kind = 'site'
              AND month >= toStartOfMonth(first_day)
              AND month < day_after
              AND bitAnd(accepted, window_days) != 0
        ) AS seen
        LEFT JOIN locations ON toIPv6OrDefault(seen.site_ip) = locations.address
    )
SELECT
    toInt64(uniqExact(login.subject)) AS total,
    toInt64(uniqExact(login.subject, sites.is_known, sites.location_id)) AS transactions,
    transactions - total AS roaming,
    total - roaming AS one_time
FROM gatepost.login_calendar AS login
LEFT JOIN sites ON login.detail = sites.site_ip
WHERE login.kind = 'site'
  AND login.month >= toStartOfMonth(first_day)
  AND login.month < day_after
  AND bitAnd(login.accepted, window_days) != 0
