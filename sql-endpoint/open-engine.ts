import { GatepostError, messageOf } from '../common/errors.ts'
import { Engine, type EngineFacts } from './engine.ts'
import type { SqlEndpointOptions } from './options.ts'
import { engineRoles } from './roles.ts'

/** @throws GatepostError STORE_UNAVAILABLE: it cannot be opened, or was opened without the roles */
export async function openEngine(options: SqlEndpointOptions): Promise<{ engine: Engine; facts: EngineFacts }> {
  let engine: Engine | null = null
  try {
    engine = new Engine(options.dataPath)
    for (const { name } of engineRoles(options.readers)) await engine.requireRole(name)
    return { engine, facts: await engine.facts() }
  } catch (error) {
    engine?.close()
    throw new GatepostError('STORE_UNAVAILABLE', `SQL endpoint: ${messageOf(error)}`, error)
  }
}
