    -- sites: those of successful logins in the window, and where each is; needs window-days.
    -- A site's location is that of its address in ip_locations. Addresses are compared as numbers, so that the spelling of
    -- an IPv6 address does not matter; what is not an address becomes ::, which the import refuses, and so has no location.
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
            FROM gatepost.{logins:Identifier}
            WHERE kind = 'site'
              AND month >= toStartOfMonth(first_day)
              AND month < day_after
              AND bitAnd(accepted, window_days) != 0
        ) AS seen
        LEFT JOIN locations ON toIPv6OrDefault(seen.site_ip) = locations.address
    )
