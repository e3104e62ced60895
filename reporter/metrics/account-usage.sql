-- account-usage: successful logins in the window [start, end), certificate logins (no username) left out.
--   total         distinct users
--   transactions  distinct (user, location) pairs; all sites without a known location count as one location, "none"
--   roaming       transactions - total
--   one_time      total - roaming (negative when users were at more than two locations on average)
-- A site's location is that of its address in ip_locations. Addresses are compared as numbers, so that the spelling of
-- an IPv6 address does not matter; what is not an address becomes ::, which the import refuses, and so has no location.
WITH
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
            SELECT DISTINCT site_ip
            FROM gatepost.post_auth
            WHERE received_at >= {start:DateTime64(3, 'UTC')}
              AND received_at < {end:DateTime64(3, 'UTC')}
        ) AS seen
        LEFT JOIN locations ON toIPv6OrDefault(seen.site_ip) = locations.address
    )
SELECT
    toInt64(uniqExact(login.username)) AS total,
    toInt64(uniqExact(login.username, sites.is_known, sites.location_id)) AS transactions,
    transactions - total AS roaming,
    total - roaming AS one_time
FROM gatepost.post_auth AS login
LEFT JOIN sites ON login.site_ip = sites.site_ip
WHERE login.received_at >= {start:DateTime64(3, 'UTC')}
  AND login.received_at < {end:DateTime64(3, 'UTC')}
  AND login.success = 1
  AND login.username != ''
