-- Who sent each record: the address, and the name of the credential. Rows from before have neither.

ALTER TABLE gatepost.post_auth
    ADD COLUMN IF NOT EXISTS remote_ip LowCardinality(String) DEFAULT '' COMMENT 'Address the report came from, after trusted proxies; empty: not recorded' AFTER eap_type,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.gateway_pings
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.gateway_auth
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as gateways send none' AFTER extra

-- statement
ALTER TABLE gatepost.portal_sessions
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the browser''s request came from, after trusted proxies; empty: not recorded' AFTER confirm_by,
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent; empty: none, as browsers send none' AFTER remote_ip

-- statement
ALTER TABLE gatepost.dead_letters
    ADD COLUMN IF NOT EXISTS remote_ip String DEFAULT '' COMMENT 'Address the request came from, after trusted proxies; empty: not recorded' AFTER payload,
    ADD COLUMN IF NOT EXISTS sender LowCardinality(String) DEFAULT '' COMMENT 'Name of the credential with which it was sent (GATEPOST_INGEST_CREDENTIALS); empty: none' AFTER remote_ip
