import type { ValueSchema } from './values.ts'

/** One environment variable: what validation, `gatepost config` and the documentation need to know. */
export interface Variable<T = unknown> {
  readonly env: string
  readonly schema: ValueSchema<T>
  /** Written as a user would; undefined: the variable may be unset. */
  readonly default: string | undefined
  /** Text to show for an unset variable. */
  readonly unset: string
  readonly description: string
  readonly allowed: string
  /** `whole`: never shown. `url`: shown without its password and query. */
  readonly secret: 'no' | 'whole' | 'url'
}

interface Words {
  readonly description: string
  readonly allowed: string
  readonly unset?: string
  readonly secret?: Variable['secret']
}

function build<T>(env: string, schema: ValueSchema<T>, defaultText: string | undefined, words: Words): Variable<T> {
  return { unset: '(unset)', secret: 'no', ...words, env, schema, default: defaultText }
}

/** A variable that always has a value. */
export function withDefault<T>(env: string, defaultText: string, schema: ValueSchema<T>, words: Words) {
  return { ...build(env, schema, defaultText, words), default: defaultText }
}

/** A variable that may be unset. */
export function optional<T>(env: string, schema: ValueSchema<T>, words: Words) {
  return { ...build(env, schema, undefined, words), default: undefined }
}

/** Values of a variable that is the address of a service. */
export const HTTP_URL = 'a URL that begins with http:// or https://'
