import { GatepostError } from '../common/errors.ts'
import type { AccessData, AccessEntry, AccessLog } from './log.ts'

/**
 * What the portal keeps of vouchers and accounts: data of subjects of the access-control log, which every worker of an installation
 * reads, and no table.
 */
export class Book {
  readonly #access: AccessLog

  constructor(access: AccessLog) {
    this.#access = access
  }

  /**
   * What is in force at `now`; undefined: nothing.
   * @throws GatepostError LOG_UNAVAILABLE: not everything has been read yet
   */
  get<T extends object>(subject: string, now: number): T | undefined {
    if (!this.#access.known) throw new GatepostError('LOG_UNAVAILABLE', 'the access decisions are not known yet')
    const entry = this.#access.get(subject, now)
    return entry?.verdict === 'allow' ? (entry.data as T | undefined) : undefined
  }

  /** Resolves when it is durable. `until`: when it ends, ms since the epoch; null: never. @throws GatepostError LOG_UNAVAILABLE */
  put(subject: string, data: object, until: number | null): Promise<void> {
    return this.#access.put(subject, entryOf(data, until))
  }

  /**
   * Writes unless somebody has before, anywhere in the installation.
   * @returns what counts: the first one's
   * @throws GatepostError LOG_UNAVAILABLE
   */
  async claim<T extends object>(subject: string, data: T, until: number | null): Promise<T> {
    return (await this.#access.claim(subject, entryOf(data, until))).data as unknown as T
  }
}

function entryOf(data: object, until: number | null): AccessEntry {
  return { verdict: 'allow', reason: '', until, updatedAt: Date.now(), data: data as AccessData }
}
