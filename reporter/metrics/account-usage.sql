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
    visits AS
    (
        SELECT DISTINCT username, toIPv6OrDefault(site_ip) AS site
        FROM gatepost.post_auth
        WHERE received_at >= {start:DateTime64(3, 'UTC')}
          AND received_at < {end:DateTime64(3, 'UTC')}
          AND success = 1
          AND username != ''
    )
SELECT
    toInt64(uniqExact(username)) AS total,
    toInt64(uniqExact(username, location)) AS transactions,
    transactions - total AS roaming,
    total - roaming AS one_time
FROM
(
    SELECT
        visits.username AS username,
        -- Empty array: none. A join that finds nothing yields default values, and 0 may be a location.
        if(locations.address = toIPv6('::'), [], [locations.location_id]) AS location
    FROM visits
    LEFT JOIN locations ON visits.site = locations.address
)
