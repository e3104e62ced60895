-- completion-rate: accounts created in the window [start, end), and ever before its end (cumulative_).
--   registered  accounts
--   logged_in   of these, accounts that have ever logged in: last_login is set in account_status
-- Of all accounts, and of three kinds:
--   sms        registered by telephone: the contact begins with + and is its own sponsor
--   email      registered by e-mail: the contact holds an @ and is its own sponsor
--   sponsor    vouched for by somebody else: contact and sponsor differ
-- Contact and sponsor are compared ignoring case. An account without one of the two is in none of the three.
SELECT
    toInt64(countIf(is_new)) AS all_registered,
    toInt64(countIf(is_new AND isNotNull(last_login))) AS all_logged_in,
    toInt64(countIf(is_sms AND is_new)) AS sms_registered,
    toInt64(countIf(is_sms AND is_new AND isNotNull(last_login))) AS sms_logged_in,
    toInt64(countIf(is_email AND is_new)) AS email_registered,
    toInt64(countIf(is_email AND is_new AND isNotNull(last_login))) AS email_logged_in,
    toInt64(countIf(is_sponsored AND is_new)) AS sponsor_registered,
    toInt64(countIf(is_sponsored AND is_new AND isNotNull(last_login))) AS sponsor_logged_in,
    toInt64(count()) AS cumulative_all_registered,
    toInt64(countIf(isNotNull(last_login))) AS cumulative_all_logged_in,
    toInt64(countIf(is_sms)) AS cumulative_sms_registered,
    toInt64(countIf(is_sms AND isNotNull(last_login))) AS cumulative_sms_logged_in,
    toInt64(countIf(is_email)) AS cumulative_email_registered,
    toInt64(countIf(is_email AND isNotNull(last_login))) AS cumulative_email_logged_in,
    toInt64(countIf(is_sponsored)) AS cumulative_sponsor_registered,
    toInt64(countIf(is_sponsored AND isNotNull(last_login))) AS cumulative_sponsor_logged_in
FROM gatepost.account_status
WHERE created_at < {end:DateTime64(3, 'UTC')}
