-- roaming-users: successful logins in the window [start, end).
--   active   distinct users (certificate logins have no username and are not among them)
--   roaming  of these, users with logins at more than one known location
--   cba      certificate logins (no username, a serial number): distinct certificates by serial number and issuer
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
    ),
    users AS
    (
        SELECT
            login.username AS username,
            -- More than one location is a smallest and a largest that differ; without a known one both are 0.
            minIf(sites.location_id, sites.is_known) != maxIf(sites.location_id, sites.is_known) AS is_roaming
        FROM gatepost.post_auth AS login
        LEFT JOIN sites ON login.site_ip = sites.site_ip
        WHERE login.received_at >= {start:DateTime64(3, 'UTC')}
          AND login.received_at < {end:DateTime64(3, 'UTC')}
          AND login.success = 1
          AND login.username != ''
        GROUP BY username
    )
SELECT
    toInt64(count()) AS active,
    toInt64(countIf(is_roaming)) AS roaming,
    (
        SELECT toInt64(uniqExact(cert_serial, cert_issuer))
        FROM gatepost.post_auth
        WHERE received_at >= {start:DateTime64(3, 'UTC')}
          AND received_at < {end:DateTime64(3, 'UTC')}
          AND success = 1
          AND username = ''
          AND cert_serial != ''
    ) AS cba
FROM users
