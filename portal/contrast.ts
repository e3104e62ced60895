/*
 * Whether text can be read on the colours of a page: WCAG 2.1, 1.4.3. Operators choose the colours, and see them with their own eyes and screens.
 */

/** Of text in its usual size. */
const LEAST = 4.5

/** Text, what it is on, and where. */
const PAIRS = [
  ['text', 'card', 'text'],
  ['quiet', 'card', 'the text of hints'],
  ['accent', 'card', 'the text of links'],
  ['on-accent', 'accent', 'the text of buttons'],
  ['bad', 'bad-back', 'the text about mistakes'],
] as const

const ROOT = /@media \(prefers-color-scheme: (light|dark)\)\s*\{\s*:root\s*\{([^}]*)\}|:root\s*\{([^}]*)\}/g
const PROPERTY = /--([\w-]+):\s*(#[0-9a-fA-F]{3,6})\s*[;}]/g

/** What is hard to read in a style sheet, in words; colours that are not written as `#rgb` or `#rrggbb` are not judged. */
export function contrastProblems(css: string): string[] {
  const light = new Map<string, string>()
  const dark = new Map<string, string>()
  for (const [, scheme, ofScheme, ofAll] of css.matchAll(ROOT)) {
    for (const [, name, value] of `${ofScheme ?? ofAll};`.matchAll(PROPERTY)) {
      if (scheme !== 'dark') light.set(name, value)
      if (scheme !== 'light') dark.set(name, value)
    }
  }
  const problems: string[] = []
  for (const [scheme, colours] of [
    ['light', light],
    ['dark', dark],
  ] as const)
    // prettier-ignore
    for (const [front, back, where] of PAIRS) {
      const [above, below] = [colours.get(front), colours.get(back)]
      const ratio = above === undefined || below === undefined ? LEAST : contrast(above, below)
      if (ratio < LEAST)
        problems.push(
          `${scheme} colours: ${where} has a contrast of ${ratio.toFixed(1)} (${front} ${above} on ${back} ${below}), and needs ${LEAST}`,
        )
    }
  return problems
}

/** 1 to 21. */
export function contrast(one: string, other: string): number {
  const [brighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (brighter + 0.05) / (darker + 0.05)
}

/** Relative luminance of a colour in sRGB. */
function luminance(colour: string): number {
  const digits =
    colour.length === 4 ? [...colour.slice(1)].flatMap((digit) => [digit, digit]).join('') : colour.slice(1)
  const [red, green, blue] = [0, 2, 4].map((at) => {
    const value = parseInt(digits.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
