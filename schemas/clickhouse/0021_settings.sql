-- What an installation decides once. By which rule user names are stored: names of two rules would count as two people. Where earlier
-- versions have stored names, it is theirs: the first six characters, in capitals.

CREATE TABLE IF NOT EXISTS gatepost.settings
(
    name LowCardinality(String) COMMENT 'What is decided: user_names',
    value String COMMENT 'How: lowercase, as-sent or govwifi (GATEPOST_USERNAMES)',
    decided_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was decided; the first decision holds'
)
ENGINE = MergeTree
ORDER BY (name, decided_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What this installation decided once, for good'

-- statement
INSERT INTO gatepost.settings (name, value)
SELECT 'user_names' AS name, 'govwifi' AS value
WHERE (SELECT count() FROM gatepost.post_auth WHERE username != '') > 0
    OR (SELECT count() FROM gatepost.login_calendar WHERE kind = 'site') > 0
    OR (SELECT count() FROM gatepost.login_history) > 0

-- statement
-- Accounts are found without regard to case, whatever the rule.
ALTER TABLE gatepost.account_logins_view MODIFY QUERY SELECT
    upperUTF8(username) AS name,
    max(received_at) AS last_login
FROM gatepost.post_auth
WHERE success = 1 AND username != ''
GROUP BY name

-- statement
-- A view whose query is modified loses the comments of its columns.
ALTER TABLE gatepost.account_logins_view COMMENT COLUMN name 'Who logged in, in capitals'

-- statement
ALTER TABLE gatepost.account_logins_view COMMENT COLUMN last_login 'Latest successful login of an insert'

-- statement
ALTER TABLE gatepost.account_logins
    COMMENT COLUMN IF EXISTS name 'Who logged in, in capitals: post_auth.username, or the account at the portal'

-- statement
ALTER TABLE gatepost.post_auth
    COMMENT COLUMN IF EXISTS username 'User logins: the user name by the rule of the installation (settings: user_names), by default whole and in lower case. Empty for certificate logins'
