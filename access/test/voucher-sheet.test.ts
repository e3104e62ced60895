// A package of CommonJS, whose default export Node.js takes for a property.
import jsQr from 'jsqr'
import t from 'tap'
import { newVoucherCode } from '../voucher-code.ts'
import { qrPath, qrText, termsInWords, voucherSheet } from '../voucher-sheet.ts'

/** What a scanner reads: jsqr is another implementation. */
function scanned({ size, path }: { size: number; path: string }): string | undefined {
  const scale = 4
  const side = size * scale
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let row = 0; row < scale; row++)
      for (let column = 0; column < scale; column++) {
        const at = ((Number(y) * scale + row) * side + Number(x) * scale + column) * 4
        pixels.fill(0, at, at + 3)
      }
  }
  return jsQr.default(pixels, side, side)?.data
}

t.test('a scanner reads the code, or the page that it opens', (t) => {
  const code = newVoucherCode()
  t.equal(scanned(qrPath(qrText(code, null))), code)
  const text = qrText(code, 'http://hello.example/start?from=paper')
  t.equal(text, `http://hello.example/start?from=paper&voucher=${code}`)
  t.equal(scanned(qrPath(text)), text)
  t.end()
})

t.test('a sheet has every code, what it grants, and nothing of the operator’s words as HTML', (t) => {
  const codes = Array.from({ length: 30 }, newVoucherCode)
  const terms = { validForMs: 7 * 86_400_000, maxDevices: 2, sessionMs: 8 * 3_600_000, quotaBytes: 2.5e9 }
  t.same(termsInWords(terms), ['7 days', '2 devices', '8 hours at a time', '2.5 GB'])
  const html = voucherSheet({ ...terms, codes, label: '<b>fair</b>', title: 'Hotel "Post" & Söhne', url: null })
  for (const code of codes) t.match(html, `>${code}<`)
  t.equal(html.match(/<svg /g)?.length, 30)
  t.notMatch(html, '<b>')
  t.notMatch(html, '<script')
  t.match(html, 'Hotel &#34;Post&#34; &#38; Söhne')
  t.end()
})
