-- Records that were followed as they came in (gatepost tail).

ALTER TABLE gatepost.audit_log COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, cookie_refused (usually a login that has ended), role_refused (a viewer tried what takes an operator), logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, records_followed (gatepost tail), dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, vouchers_created, voucher_released, sql_query, sql_refused or sql_login_refused'
