/** Shorter passwords are refused (NIST SP 800-63B, 5.1.1.2, asks for 8). */
export const MIN_PASSWORD_CHARACTERS = 10
