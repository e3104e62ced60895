import t from 'tap'
import { CSV_PARSERS } from './csv-parsers.ts'
import { FRAME_PARSERS } from './frame-parsers.ts'
import { growth, LIMIT, worstGrowth, type Parser } from './growth.ts'
import { INGEST_PARSERS } from './ingest-parsers.ts'
import { SQL_PARSERS } from './sql-parsers.ts'

/*
 * Twice the input costs at most two and a half times the CPU time, in every parser that meets input from outside. Parsers of another room are
 * a list of their own: add it to PARSERS.
 */

const PARSERS: readonly Parser[] = [...INGEST_PARSERS, ...SQL_PARSERS, ...FRAME_PARSERS, ...CSV_PARSERS]

const seed = Number(process.env['GATEPOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

t.test(`work grows with the input, not with its square (GATEPOST_TEST_SEED=${seed})`, async (t) => {
  for (const parser of PARSERS) {
    await t.test(parser.name, async (t) => {
      const { input, factor } = await worstGrowth(parser, seed)
      t.ok(factor <= LIMIT, `${factor.toFixed(2)} for ${input}`)
    })
  }
})

t.test('quadratic work is noticed', async (t) => {
  const quadratic: Parser = {
    name: 'spaces before a word',
    run: (text) => /\s+x/.test(text),
    pieces: [' '],
    characters: 1024,
  }
  const input = { description: 'spaces', of: (characters: number) => ' '.repeat(characters) }
  t.ok((await growth(quadratic, input)) > LIMIT)
})
