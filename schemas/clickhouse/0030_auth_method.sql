-- How a user was authenticated: eap_type says only whether with a certificate. Rows from before do not say it.

ALTER TABLE gatepost.post_auth
    ADD COLUMN IF NOT EXISTS auth_method LowCardinality(String) DEFAULT '' COMMENT 'How the user was authenticated, eap_type as sent: TLS, PAP, or method and method inside its tunnel, such as PEAP/MSCHAPv2; empty: not said' AFTER realm
