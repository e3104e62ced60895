import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { LOGIN_METHODS, type LoginMethodName } from '../../access/login-methods.ts'
import type { Look } from '../../portal/look.ts'
import { YamlFile } from './yaml-file.ts'

/** Bounded, because each look has templates and texts in memory. */
const MAX_LOOKS = 100

/** The custom properties of the portal's style sheet. */
const COLOURS = ['page', 'card', 'text', 'quiet', 'line', 'rule', 'accent', 'on-accent', 'bad', 'bad-back'] as const
const colour = z.string().regex(/^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/, 'allowed is a colour such as #1257b0')
const colours = z.partialRecord(z.enum(COLOURS), colour).default({})

const look = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'allowed are 1 to 64 of a-z, 0-9 and -'),
  gateways: z.string().trim().min(1).max(128),
  directory: z.string().min(1).optional(),
  texts: z.record(z.string(), z.string().min(1).max(10_000)).default({}),
  colours,
  dark: colours,
  methods: z.array(z.enum(LOGIN_METHODS)).min(1).optional(),
  terms: z.string().min(1).max(64).optional(),
})

const file = z.strictObject({ looks: z.array(look).max(MAX_LOOKS) })

/**
 * Reads the looks of GATEPOST_PORTAL_LOOKS, which docs/portal.md describes; none if it is unset.
 * @param methods the portal's
 * @throws GatepostError CONFIG_INVALID: lists every mistake with its place
 */
export function readLooks(path: string | undefined, methods: readonly LoginMethodName[]): Look[] {
  if (path === undefined) return []
  const read = new YamlFile('GATEPOST_PORTAL_LOOKS', path, file)
  const { looks } = read.data
  read.assertNames('looks', looks)
  return looks.map((each, index) => {
    const directory = each.directory === undefined ? null : resolve(dirname(path), each.directory)
    if (directory !== null && statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw read.wrong(`looks.${index}.directory: ${directory} is not a directory`)
    const missing = each.methods?.find((method) => !methods.includes(method))
    if (missing !== undefined)
      throw read.wrong(`looks.${index}.methods: ${missing}: allowed are those of GATEPOST_LOGIN=${methods.join(',')}`)
    const { name, gateways, texts, dark } = each
    return {
      name,
      gateways,
      directory,
      texts,
      colours: each.colours,
      darkColours: dark,
      methods: each.methods ?? null,
      termsVersion: each.terms ?? null,
    }
  })
}
