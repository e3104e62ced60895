import { GatepostError } from '../common/errors.ts'
import type { AccessData, AccessEntry, AccessLog } from './log.ts'
import type { SubjectKind } from './subject-kind.ts'

/**
 * What the portal keeps of vouchers and accounts: data of subjects of the access-control log, which every worker of an installation
 * reads, and no table.
 */
export class SubjectData {
  readonly #access: AccessLog

  constructor(access: AccessLog) {
    this.#access = access
  }

  /**
   * What is in force at `now`; undefined: nothing.
   * @throws GatepostError LOG_UNAVAILABLE: not everything has been read yet
   */
  get<Name, Data extends object>(kind: SubjectKind<Name, Data>, name: Name, now: number): Data | undefined {
    if (!this.#access.known)
      throw new GatepostError('LOG_UNAVAILABLE', 'the access log has not been read to its end yet')
    const entry = this.#access.get(kind.of(name), now)
    return entry?.verdict === 'allow' ? kind.dataOf(entry) : undefined
  }

  /** Resolves when it is durable. `until`: when it ends, ms since the epoch; null: never. @throws GatepostError LOG_UNAVAILABLE */
  put<Name, Data extends object>(
    kind: SubjectKind<Name, Data>,
    name: Name,
    data: Data,
    until: number | null,
  ): Promise<void> {
    return this.#access.put(kind.of(name), entryOf(data, until))
  }

  /**
   * Writes unless somebody has before, anywhere in the installation.
   * @returns what counts: the first one's
   * @throws GatepostError LOG_UNAVAILABLE
   */
  async claim<Name, Data extends object>(
    kind: SubjectKind<Name, Data>,
    name: Name,
    data: Data,
    until: number | null,
  ): Promise<Data> {
    return kind.dataOf(await this.#access.claim(kind.of(name), entryOf(data, until))) as Data
  }
}

function entryOf(data: object, until: number | null): AccessEntry {
  return { verdict: 'allow', reason: '', until, updatedAt: Date.now(), data: data as AccessData }
}
