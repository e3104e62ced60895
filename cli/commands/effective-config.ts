import { configWarnings, loadConfig, type Config } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'

/**
 * The configuration of a long-running command. Warns about variables that have no effect.
 * @throws GatepostError CONFIG_INVALID
 */
export function effectiveConfig(context: Context): Config {
  const config = loadConfig(context.env)
  for (const warning of configWarnings(context.env)) context.output.note(`warning: ${warning}`)
  return config
}
