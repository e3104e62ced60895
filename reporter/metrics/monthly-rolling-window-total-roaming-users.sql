-- monthly-rolling-window-total-roaming-users: successful logins in
-- the 30 complete days before D, which are the window [start, end).
--   users     users with logins at more than one known location (certificate logins have no username)
--   run_time  D, the day that begins when the window ends
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
    ),
    users AS
    (
        SELECT
            login.subject AS username,
            -- More than one location is a smallest and a largest that differ; without a known one both are 0.
            minIf(sites.location_id, sites.is_known) != maxIf(sites.location_id, sites.is_known) AS is_roaming
        FROM gatepost.login_calendar AS login
        LEFT JOIN sites ON login.detail = sites.site_ip
        WHERE login.kind = 'site'
          AND login.month >= toStartOfMonth(first_day)
          AND login.month < day_after
          AND bitAnd(login.accepted, window_days) != 0
        GROUP BY username
    )
SELECT
    toInt64(countIf(is_roaming)) AS users,
    toString(toDate({end:DateTime64(3, 'UTC')})) AS run_time
FROM users
