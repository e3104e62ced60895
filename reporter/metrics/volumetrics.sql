-- volumetrics: accounts created in the window [start, end) (period_before), and ever before its end (cumulative).
--   sms        registered by telephone: the contact begins with + and is its own sponsor
--   email      registered by e-mail: the contact holds an @ and is its own sponsor
--   sponsored  vouched for by somebody else: contact and sponsor differ
-- Contact and sponsor are compared ignoring case. An account without one of the two is in none of the three.
SELECT
    toInt64(countIf(is_new)) AS period_before,
    toInt64(count()) AS cumulative,
    toInt64(countIf(is_sms AND is_new)) AS sms_period_before,
    toInt64(countIf(is_sms)) AS sms_cumulative,
    toInt64(countIf(is_email AND is_new)) AS email_period_before,
    toInt64(countIf(is_email)) AS email_cumulative,
    toInt64(countIf(is_sponsored AND is_new)) AS sponsored_period_before,
    toInt64(countIf(is_sponsored)) AS sponsored_cumulative
FROM gatepost.accounts FINAL
WHERE created_at < {end:DateTime64(3, 'UTC')}
