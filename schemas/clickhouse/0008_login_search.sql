-- The support desk looks for one person, device, certificate or place among a month of logins. These say which granules
-- can hold what is looked for. Rows that are there already are found without.

ALTER TABLE gatepost.post_auth
    ADD INDEX IF NOT EXISTS by_username username TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_ssl_username ssl_username TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_mac mac TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_cert_serial cert_serial TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_ap ap TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_building building_identifier TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_site_ip site_ip TYPE bloom_filter(0.01) GRANULARITY 1
