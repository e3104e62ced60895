import { encode } from 'uqr'

/* Sheets of vouchers to print and cut: HTML without scripts and other files. Each has its code in letters and as a QR code. */

/** What a voucher grants. */
export interface VoucherTerms {
  readonly validForMs: number
  readonly maxDevices: number
  readonly sessionMs?: number | undefined
  readonly quotaBytes?: number | undefined
}

export interface Sheet extends VoucherTerms {
  readonly codes: readonly string[]
  /** The operator's name for them; empty: none. */
  readonly label: string
  /** The network's name. */
  readonly title: string
  /** What the QR codes open, with the code; null: they hold the code alone. */
  readonly url: string | null
}

/** The parameter of a page's address that holds a voucher's code. */
export const VOUCHER_PARAMETER = 'voucher'

/** What a voucher grants, as a person reads it: "7 days", "1 device". */
export function termsInWords({ validForMs, maxDevices, sessionMs, quotaBytes }: VoucherTerms): string[] {
  return [
    inWords(validForMs),
    `${maxDevices} device${maxDevices === 1 ? '' : 's'}`,
    ...(sessionMs === undefined ? [] : [`${inWords(sessionMs)} at a time`]),
    ...(quotaBytes === undefined ? [] : [sizeInWords(quotaBytes)]),
  ]
}

/** The text of a voucher's QR code. */
export function qrText(code: string, url: string | null): string {
  if (url === null) return code
  const target = new URL(url)
  target.searchParams.set(VOUCHER_PARAMETER, code)
  return target.href
}

/** The dark modules of a QR code, as the path of an SVG image whose side is `size`. */
export function qrPath(text: string): { readonly size: number; readonly path: string } {
  const { data, size } = encode(text, { ecc: 'M', border: 2 })
  let path = ''
  data.forEach((row, y) => row.forEach((dark, x) => (path += dark ? `M${x} ${y}h1v1h-1z` : '')))
  return { size, path }
}

export function voucherSheet(sheet: Sheet): string {
  const { codes, label, title, url } = sheet
  const terms = termsInWords(sheet).join(', ')
  const slips = codes.map((code) => {
    const { size, path } = qrPath(qrText(code, url))
    return (
      `<section><svg viewBox="0 0 ${size} ${size}" role="img" aria-label="QR code"><path d="${path}"/></svg>` +
      `<div><h2>${escaped(title)}</h2><p class="code">${code}</p><p>${escaped(terms)}</p>` +
      `${label === '' ? '' : `<p class="label">${escaped(label)}</p>`}</div></section>`
    )
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escaped(title)}: vouchers</title>
<style>${SHEET_CSS}</style>
</head>
<body>
${slips.join('\n')}
</body>
</html>`
}

/** A slip is never divided between two pages. */
const SHEET_CSS = `
@page { size: A4; margin: 10mm; }
body { margin: 0; font: 10pt/1.35 system-ui, sans-serif; display: grid; grid-template-columns: 1fr 1fr; }
section { display: flex; align-items: center; gap: 4mm; padding: 4mm; border: 0.3mm dashed #888; margin: 0 -0.3mm -0.3mm 0; break-inside: avoid; }
svg { width: 30mm; height: 30mm; flex: none; }
h2 { font-size: 11pt; margin: 0; }
p { margin: 0.5mm 0; overflow-wrap: anywhere; }
.code { font: 700 13pt/1.4 ui-monospace, monospace; white-space: nowrap; }
.label { color: #555; }
`

function inWords(ms: number): string {
  const [count, unit] =
    ms % 86_400_000 === 0
      ? [ms / 86_400_000, 'day']
      : ms % 3_600_000 === 0
        ? [ms / 3_600_000, 'hour']
        : [Math.ceil(ms / 60_000), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function sizeInWords(bytes: number): string {
  const [unit, size] = bytes >= 1e9 ? (['GB', 1e9] as const) : (['MB', 1e6] as const)
  return `${Math.round((bytes / size) * 10) / 10} ${unit}`
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
