/*
 * What is never kept of a request: not in a table, a dead letter or a log. Devices in the field call such things by many
 * names, so a name that contains one of these words counts.
 */
const WORDS = 'token|passw|passphrase|passcode|pwd|secret|voucher|psk|credential|api_?-?key|authorization|session_?id'

const NAME = new RegExp(`${WORDS}|^(pass|pin|otp|code|key|auth)$|(^|[_.-])(pass|pin|otp|key)$`, 'i')
const ASSIGNMENT = new RegExp(`(${WORDS}|\\b(pass|pin|otp|code|key|auth))[^&;?\\s]{0,32}(=|%3d)`, 'i')

/** Whether a parameter of this name holds a credential. */
export function isCredential(name: string): boolean {
  return NAME.test(name.trim())
}

/** Whether a value holds a parameter with a credential in turn, as addresses of login pages do. */
export function assignsCredential(value: string): boolean {
  return ASSIGNMENT.test(value)
}
