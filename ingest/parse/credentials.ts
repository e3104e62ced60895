/*
 * Parts of a request that are never kept, neither in a table nor in a dead letter nor in a log. Devices use many names for them, so every
 * parameter whose name contains one of these words counts.
 */
const WORDS = 'token|passw|passphrase|passcode|pwd|secret|voucher|psk|credential|api_?-?key|authorization|session_?id'

const NAME = new RegExp(`${WORDS}|^(pass|pin|otp|code|key|auth)$|(^|[_.-])(pass|pin|otp|key)$`, 'i')
const ASSIGNMENT = new RegExp(`(${WORDS}|\\b(pass|pin|otp|code|key|auth))[^&;?\\s]{0,32}(=|%3d)`, 'i')

/** Whether a parameter with this name holds a credential. */
export function isCredential(name: string): boolean {
  return NAME.test(name.trim())
}

/** Whether a value itself contains a parameter with a credential, as addresses of login pages do. */
export function assignsCredential(value: string): boolean {
  return ASSIGNMENT.test(value)
}
