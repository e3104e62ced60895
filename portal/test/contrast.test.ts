import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { Looks } from '../look.ts'
import { contrast, contrastProblems } from '../contrast.ts'

/* Text that operators make unreadable by their colours is warned of. */

const CSS = readFileSync(packageFile('portal/templates/style.css'), 'utf8')
const look = { directory: null, texts: {}, methods: null, termsVersion: null, gateways: '*' }

t.test('ratios as WCAG defines them', (t) => {
  t.equal(contrast('#000', '#ffffff'), 21)
  t.equal(contrast('#777', '#777777'), 1)
  // The example of many tools: the lightest grey that may be text on white.
  t.equal(contrast('#767676', '#fff').toFixed(2), '4.54')
  t.equal(contrast('#fff', '#767676').toFixed(2), '4.54')
  t.end()
})

t.test('our own colours can be read', (t) => {
  t.same(contrastProblems(CSS), [])
  t.end()
})

t.test('a look whose colours cannot be read', (t) => {
  const good = { ...look, name: 'good', colours: { accent: '#8a1c2b' }, darkColours: { accent: '#ffb3ba' } }
  const yellow = { ...look, name: 'yellow', colours: { accent: '#ffd500' }, darkColours: {} }
  t.same(new Looks(null, [good, yellow]).contrastProblems(), [
    'look yellow: light colours: the text of links has a contrast of 1.4 (accent #ffd500 on card #fff), and needs 4.5',
    'look yellow: light colours: the text of buttons has a contrast of 1.4 (on-accent #fff on accent #ffd500), and needs 4.5',
  ])
  const night = { ...look, name: 'night', colours: {}, darkColours: { card: '#fff' } }
  t.match(new Looks(null, [night]).contrastProblems(), [/^look night: dark colours: text has/])
  t.end()
})
