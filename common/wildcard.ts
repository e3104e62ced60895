/**
 * Whether texts match a pattern, in which `*` stands for any text. Case does not matter. Compares part by part, so that no pattern takes more
 * than linear time.
 */
export function wildcard(pattern: string): (text: string) => boolean {
  const parts = pattern.toLowerCase().split('*')
  const [first] = parts
  const last = parts[parts.length - 1]
  return (given) => {
    const text = given.toLowerCase()
    if (parts.length === 1) return text === first
    if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
    let from = first.length
    for (const part of parts.slice(1, -1)) {
      const at = text.indexOf(part, from)
      if (at < 0) return false
      from = at + part.length
    }
    return from <= text.length - last.length
  }
}
