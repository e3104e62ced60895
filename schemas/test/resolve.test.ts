import avro from 'avsc'
import fc from 'fast-check'
import t from 'tap'
import type { RecordField } from '../avro.ts'
import { isUnion, type AvroType } from '../avro-type.ts'
import { resolveAgainst } from '../resolve.ts'

const PLAIN: readonly AvroType[] = ['int', 'long', 'float', 'double', 'string', 'boolean']
const type: fc.Arbitrary<AvroType> = fc.oneof(
  fc.constantFrom(...PLAIN),
  fc.constantFrom(...PLAIN).map((inner): AvroType => ['null', inner]),
  fc.constantFrom(...PLAIN).map((values): AvroType => ({ type: 'map', values })),
  fc.constant<AvroType>({ type: 'fixed', size: 16 }),
)
const NAMES = ['a', 'b', 'c', 'd'] as const
const field = fc.record({ name: fc.constantFrom(...NAMES), type })
const fields = fc.uniqueArray(field, { minLength: 1, maxLength: 4, selector: ({ name }) => name })

const ZERO = new Map<string, unknown>([
  ['string', ''],
  ['boolean', false],
])

function zero(of: AvroType): unknown {
  if (isUnion(of)) return null
  if (typeof of === 'string') return ZERO.get(of) ?? 0
  return of.type === 'map' ? {} : '\u0000'.repeat(16)
}

/** A reader's fields: some with a default, some with their earlier name. */
const readerFields = fields.chain((plain) =>
  fc
    .tuple(...plain.map(() => fc.record({ hasDefault: fc.boolean(), alias: fc.constantFrom(null, 'x', 'y') })))
    .map((more) =>
      plain.map(({ name, type }, index): RecordField => {
        const { hasDefault, alias } = more[index]
        const taken = more.findIndex((other) => other.alias === alias) < index
        return {
          name,
          type,
          ...(hasDefault ? { default: zero(type) } : {}),
          ...(alias === null || taken ? {} : { aliases: [alias] }),
        }
      }),
    ),
)
const writerFields = fc.uniqueArray(fc.record({ name: fc.constantFrom(...NAMES, 'x', 'y'), type }), {
  minLength: 1,
  maxLength: 4,
  selector: ({ name }) => name,
})

function typeOf(of: readonly RecordField[]): avro.Type {
  let fixed = 0
  const named = of.map(({ type, ...rest }) => {
    const isFixed = typeof type === 'object' && !isUnion(type) && type.type === 'fixed'
    return {
      ...rest,
      type: isFixed
        ? {
            ...type,
            name: `fixed${fixed++}`,
            aliases: ['fixed0', 'fixed1', 'fixed2', 'fixed3'].filter((_, index) => index !== fixed - 1),
          }
        : type,
    }
  })
  return avro.Type.forSchema({ type: 'record', name: 'r', fields: named } as avro.Schema, { wrapUnions: true })
}

/** Whether avsc, which leaves out unknown fields, resolves it. */
function isResolvedByAvsc(written: readonly RecordField[], read: readonly RecordField[]): boolean {
  try {
    typeOf(read).createResolver(typeOf(written))
    return true
  } catch {
    return false
  }
}

t.test('schema resolution equals that of avsc, and nothing is left out', (t) => {
  let resolvedCount = 0
  fc.assert(
    fc.property(writerFields, readerFields, (written, read) => {
      const { obstacle, fields } = resolveAgainst(written, read)
      const readers = written.map(
        ({ name }) => read.find((field) => field.name === name) ?? read.find(({ aliases }) => aliases?.includes(name)),
      )
      const isWhole = !readers.includes(undefined) && new Set(readers).size === readers.length
      if (obstacle === null) resolvedCount++
      const asExpected = (obstacle === null) === (isWhole && isResolvedByAvsc(written, read))
      return asExpected && (obstacle !== null || fields.length === written.length)
    }),
    { numRuns: 20_000 },
  )
  t.ok(resolvedCount > 100, `${resolvedCount} pairs of schemas were resolved`)
  t.end()
})

const READ: readonly RecordField[] = [
  { name: 'kept', type: 'string' },
  { name: 'renamed', type: 'string', aliases: ['old'] },
  { name: 'wider', type: 'long' },
  { name: 'optional', type: ['null', 'long'] },
  { name: 'added', type: 'string', default: '' },
]
const EARLIER: readonly RecordField[] = [
  { name: 'kept', type: 'string' },
  { name: 'old', type: 'string' },
  { name: 'wider', type: 'int' },
  { name: 'optional', type: 'long' },
]

t.test('an earlier schema: added, renamed, promoted', (t) => {
  const { obstacle, fields } = resolveAgainst(EARLIER, READ)
  t.equal(obstacle, null)
  t.same(
    fields.map(({ name, written }) => `${written.name} → ${name}`),
    ['kept → kept', 'old → renamed', 'wider → wider', 'optional → optional'],
  )
  t.end()
})

t.test('a later schema: every field without a column is named', (t) => {
  const cases: [readonly RecordField[], RegExp][] = [
    [[...EARLIER, { name: 'later', type: 'string' }], /field later is not known/],
    [EARLIER.map((field) => (field.name === 'kept' ? { ...field, type: 'long' } : field)), /field kept is "long"/],
    [EARLIER.slice(1), /field kept is missing/],
    [[...EARLIER, { name: 'renamed', type: 'string' }], /field renamed occurs twice/],
    [EARLIER.map((field) => (field.name === 'wider' ? { ...field, type: ['null', 'long'] } : field)), /field wider is/],
  ]
  for (const [written, expected] of cases) t.match(resolveAgainst(written, READ).obstacle, expected)
  t.end()
})
