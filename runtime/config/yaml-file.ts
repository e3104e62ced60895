import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { z } from 'zod'
import { GatepostError, messageOf } from '../../common/errors.ts'

/** A YAML file that a variable names. */
export class YamlFile<T> {
  /** What it holds, as its schema says. */
  readonly data: T
  readonly #named: string

  /** @throws GatepostError CONFIG_INVALID: lists every mistake with its place */
  constructor(variable: string, path: string, schema: z.ZodType<T>) {
    this.#named = `${variable}=${path}`
    let parsed: unknown
    try {
      parsed = parse(readFileSync(path, 'utf8'))
    } catch (error) {
      // The lines after the first show the file's text, where a hash of a password may be; the cause would repeat them.
      throw this.wrong(messageOf(error).split('\n')[0].replace(/:$/, ''))
    }
    const result = schema.safeParse(parsed)
    if (!result.success) {
      const issues = result.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`)
      throw this.wrong(issues.join('; '))
    }
    this.data = result.data
  }

  /** The error for a mistake that the schema does not find. */
  wrong(problem: string, cause?: unknown): GatepostError {
    return new GatepostError('CONFIG_INVALID', `${this.#named}: ${problem}`, cause)
  }

  /** @throws GatepostError CONFIG_INVALID: two elements of a list have one name */
  assertNames(list: string, elements: readonly { readonly name: string }[]): void {
    const names = new Set<string>()
    for (const [index, { name }] of elements.entries()) {
      if (names.has(name)) throw this.wrong(`${list}.${index}.name: ${name} is used twice`)
      names.add(name)
    }
  }
}
