import { subjectHash } from '../../privacy/erased.ts'
import type { PseudonymKey } from '../../privacy/pseudonym.ts'
import type { Logger } from '../../common/logger.ts'
import type { Forgetter } from '../../reporter/dashboard/options.ts'
import type { Store } from '../../store/contract.ts'
import { openKnownAccess } from '../open-access.ts'
import { forgetPerson } from '../../privacy/forget-person.ts'
import type { AccessDescription, StoreDescription } from '../messages.ts'

export interface ForgetterParts {
  readonly store: Store
  readonly description: StoreDescription
  /** Null: this process cannot reach the access log. */
  readonly access: AccessDescription | null
  /** Of this instance; null: it has no data directory. */
  readonly dataDir: string | null
  readonly tokenKeys: readonly string[]
  readonly pseudonyms: PseudonymKey | null
  readonly logger: Logger
}

/** Forgets people on behalf of the dashboard, with the store of this process. Returns a text that says why if this process cannot. */
export function forgetterOf(parts: ForgetterParts): Forgetter | string {
  const { store, description, access, dataDir, tokenKeys: keys, pseudonyms, logger } = parts
  if (keys.length === 0)
    return 'GATEPOST_SECRET is not set for this process: without it an erased subject cannot be recognised, and late records would bring the person back'
  if (access === null)
    return 'this process cannot reach the access log, which may name the person: run gatepost forget on the machine where gatepost serve runs'
  const isCluster = description.kind === 'server' && description.cluster !== undefined
  const storeKind = isCluster ? 'cluster' : description.kind
  const log = access.kind === 'kafka' ? 'kafka' : 'journal'
  return {
    hash: ({ kind, value }) => subjectHash(keys[0], kind, value),
    forget: async (person, dryRun) => {
      const decisions = await openKnownAccess(access, logger)
      try {
        return await forgetPerson(
          { store, storeKind, access: decisions, log, dataDir, keys, pseudonyms },
          person,
          dryRun,
        )
      } finally {
        await decisions.close()
      }
    },
  }
}
