import { configWarnings, loadConfig, type Environment } from '../config/config.ts'
import { readLooks } from '../config/looks.ts'
import { readLimits, readPolicies } from '../config/policies.ts'
import { readSqlUsers } from '../config/sql-users.ts'
import { checkBackup } from './backup.ts'
import { checkDataDirectory } from './data-directory.ts'
import { ok, warning, type Finding } from './finding.ts'
import { checkInstance } from './instance.ts'
import { checkMachine } from './machine.ts'
import { checkOidc } from './oidc.ts'
import { checkCertificate, checkKafka, checkStore } from './servers.ts'

/**
 * Looks at everything that an instance of this configuration needs. Changes nothing, and creates nothing that stays.
 * @param progress told what is looked at now
 * @throws GatepostError CONFIG_INVALID: a variable, or a file that one names, is wrong
 */
export async function examine(env: Environment, version: string, progress: (what: string) => void): Promise<Finding[]> {
  const config = loadConfig(env)
  readPolicies(config.policies)
  readLimits(config.policies)
  readLooks(config.portalLooks, config.login)
  readSqlUsers(config.sqlUsers)
  const warnings = configWarnings(env)
  const findings = warnings.map((found) => warning('configuration', found, 'gatepost config shows every variable'))
  if (warnings.length === 0) findings.push(ok('configuration', 'every value is allowed'))
  const checks: [string, () => Finding[] | Promise<Finding[]>][] = [
    ['the machine', checkMachine],
    ['the data directory', () => checkDataDirectory(config.dataDir)],
    ['backups', () => checkBackup(config)],
    ['the certificate', () => checkCertificate(config)],
    ['the instance', () => checkInstance(config, version)],
    ['Kafka', () => checkKafka(config)],
    ['the tables', () => checkStore(config)],
    ['the OpenID Connect provider', () => checkOidc(config)],
  ]
  for (const [what, check] of checks) {
    progress(what)
    findings.push(...(await check()))
  }
  return findings
}
