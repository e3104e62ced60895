import type { z } from 'zod'
import { GatepostError } from '../../common/errors.ts'
import type { Retention } from '../../store/retention.ts'
import { masked } from './mask.ts'
import { nearest } from './nearest.ts'
import { effectiveRetention } from './retention.ts'
import { ruleProblems } from './rules.ts'
import { PERFORMANCE_BEARER, PERFORMANCE_BEARER_PREFIX, VARIABLES } from './variables.ts'
import { REFUSED } from './values.ts'
import type { Variable } from './variable.ts'

type Schema = typeof VARIABLES
type Value<V> = V extends Variable<infer T> ? (V['default'] extends string ? T : T | undefined) : never

/** Inputs of the tables' retention; other code uses the resulting `retention`. */
type Days = Pick<Schema, 'retentionDays' | 'retentionDaysByTable' | 'pseudonymiseAfterDays'>
type DayValues = { readonly [K in keyof Days]: Value<Days[K]> }

/** The effective configuration. Durations are in milliseconds, sizes in bytes. */
export type Config = { readonly [K in Exclude<keyof Schema, keyof Days>]: Value<Schema[K]> } & {
  readonly retention: Retention
  /** Bearer tokens of the performance platform by metric name, such as account-usage. */
  readonly performanceBearers: Readonly<Record<string, string>>
  /** The history of logins under pseudonyms, kept longer than tables that name people; null: no history. */
  readonly history: { readonly keptDays: number; readonly secret: string } | null
}

/** One line of `gatepost config`. */
export interface ConfigEntry {
  readonly variable: string
  /** As text, secrets masked. Null: unset. */
  readonly value: string | null
  /** Text to show for an unset variable. */
  readonly unset: string
  readonly source: 'default' | 'environment'
  readonly description: string
}

export type Environment = Readonly<Record<string, string | undefined>>

const SCHEMA: readonly (readonly [string, Variable])[] = Object.entries(VARIABLES)
const KNOWN = SCHEMA.map(([, variable]) => variable.env)

/**
 * Reads and checks every variable.
 * @throws GatepostError CONFIG_INVALID naming all wrong values, not just the first
 */
export function loadConfig(env: Environment): Config {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, variable] of SCHEMA) {
    const text = textOf(env, variable.env) ?? variable.default
    if (text === undefined) continue
    const result = variable.schema.safeParse(text)
    if (result.success) values[key] = result.data
    else
      problems.push(
        `${variable.env}=${masked(variable, text)}: ${reasonOf(result.error)}allowed is ${variable.allowed}`,
      )
  }
  values['performanceBearers'] = performanceBearers(env)
  // Rules across variables only see values that parsed, so that one mistake is reported once.
  problems.push(...ruleProblems(values))
  if (problems.length > 0) throw new GatepostError('CONFIG_INVALID', problems.join('\n'))
  const { retentionDays, retentionDaysByTable, pseudonymiseAfterDays, ...others } = values as unknown as DayValues &
    Config
  const history =
    pseudonymiseAfterDays === undefined ? null : { keptDays: retentionDays, secret: others.pseudonymSecret as string }
  const retention = effectiveRetention({ retentionDays, retentionDaysByTable, pseudonymiseAfterDays })
  return Object.freeze({ ...others, retention, history })
}

/** Adds the reason where the list of allowed values does not make it obvious. */
function reasonOf({ issues }: z.ZodError): string {
  return issues[0].message === REFUSED ? '' : `${issues[0].message}; `
}

/** An empty variable counts as unset: compose files pass `GATEPOST_X=` for unset ones. */
function textOf(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

function performanceBearers(env: Environment): Record<string, string> {
  const tokens: Record<string, string> = {}
  for (const name of bearerNames(env)) {
    const metric = name.slice(PERFORMANCE_BEARER_PREFIX.length).toLowerCase().replaceAll('_', '-')
    tokens[metric] = env[name] as string
  }
  return tokens
}

function bearerNames(env: Environment): string[] {
  return Object.keys(env).filter((name) => isBearer(name) && textOf(env, name) !== undefined)
}

function isBearer(name: string): boolean {
  return name.startsWith(PERFORMANCE_BEARER_PREFIX) && name !== PERFORMANCE_BEARER_PREFIX
}

/** Every variable with its effective value and its source. The environment need not be valid. */
export function describeConfig(env: Environment): ConfigEntry[] {
  const entries = SCHEMA.map(([, variable]) => describe(variable, textOf(env, variable.env)))
  const bearers = bearerNames(env).map((name) => describe({ ...PERFORMANCE_BEARER, env: name }, env[name]))
  return [...entries, ...bearers]
}

function describe(variable: Variable, text: string | undefined): ConfigEntry {
  const shown = text ?? variable.default
  return {
    variable: variable.env,
    value: shown === undefined ? null : masked(variable, shown),
    unset: variable.unset,
    source: text === undefined ? 'default' : 'environment',
    description: variable.description,
  }
}

/** Variables that have no effect: misspelt names. */
export function configWarnings(env: Environment): string[] {
  const warnings: string[] = []
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('GATEPOST_') || KNOWN.includes(name) || isBearer(name)) continue
    const near = nearest(name, KNOWN)
    warnings.push(`${name} is not a variable of Gatepost${near === undefined ? '' : `; did you mean ${near}?`}`)
  }
  return warnings
}
