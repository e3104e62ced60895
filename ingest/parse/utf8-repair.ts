import { isUtf8 } from 'node:buffer'

/**
 * FreeRADIUS's jsonquote writes each byte beyond ASCII as a character of its own: `é` arrives as `Ã©`. Text that is all ≤ U+00FF and whose bytes
 * are valid UTF-8 was written so, and is decoded; other text is as it is.
 */
export function repaired(text: string): string {
  let beyondAscii = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0xff) return text
    beyondAscii ||= code > 0x7f
  }
  if (!beyondAscii) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : text
}
