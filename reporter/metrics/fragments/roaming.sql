    -- users: everybody who logged in successfully in the window, and whether at more than one known location; needs sites.
    users AS
    (
        SELECT
            login.subject AS username,
            -- More than one location is a smallest and a largest that differ; without a known one both are 0.
            minIf(sites.location_id, sites.is_known) != maxIf(sites.location_id, sites.is_known) AS is_roaming
        FROM gatepost.{logins:Identifier} AS login
        LEFT JOIN sites ON login.detail = sites.site_ip
        WHERE login.kind = 'site'
          AND login.month >= toStartOfMonth(first_day)
          AND login.month < day_after
          AND bitAnd(login.accepted, window_days) != 0
        GROUP BY username
    )
