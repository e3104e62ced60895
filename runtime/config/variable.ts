import type { ValueSchema } from './values.ts'

/** One environment variable: everything that validation, `gatepost config` and the documentation know of it. */
export interface Variable<T = unknown> {
  readonly env: string
  readonly schema: ValueSchema<T>
  /** As a user would write it. Undefined: the variable may be unset. */
  readonly default: string | undefined
  /** What stands for an unset variable, in words. */
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
