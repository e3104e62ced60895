/** Ways of logging in at the portal. */
export const LOGIN_METHODS = ['click', 'voucher', 'account', 'webhook', 'oidc', 'code'] as const
export type LoginMethodName = (typeof LOGIN_METHODS)[number]
