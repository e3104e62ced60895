import { configWarnings, loadConfig, type Config } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'

/**
 * What a process that runs until it is told to stop works with; what is set to no effect is said.
 * @throws GatepostError CONFIG_INVALID
 */
export function effectiveConfig(context: Context): Config {
  const config = loadConfig(context.env)
  for (const warning of configWarnings(context.env)) context.output.note(`warning: ${warning}`)
  return config
}
