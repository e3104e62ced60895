import { GatepostError } from '../common/errors.ts'
import type { AccessData, AccessEntry, AccessLog } from './log.ts'
import type { SubjectKind } from './subject-kind.ts'

/** The portal's data about vouchers and accounts. It is kept in the access log, which every worker reads, and in no table. */
export class SubjectData {
  readonly #access: AccessLog

  constructor(access: AccessLog) {
    this.#access = access
  }

  /**
   * The data in force at `now`; undefined: none.
   * @throws GatepostError LOG_UNAVAILABLE: the log has not been read to its end yet
   */
  get<Name, Data extends object>(kind: SubjectKind<Name, Data>, name: Name, now: number): Data | undefined {
    if (!this.#access.known)
      throw new GatepostError('LOG_UNAVAILABLE', 'the access log has not been read to its end yet')
    const entry = this.#access.get(kind.of(name), now)
    return entry?.verdict === 'allow' ? kind.dataOf(entry) : undefined
  }

  /** Resolves when the data is durable. `until`: when it ends, ms since the epoch; null: never. @throws GatepostError LOG_UNAVAILABLE */
  put<Name, Data extends object>(
    kind: SubjectKind<Name, Data>,
    name: Name,
    data: Data,
    until: number | null,
  ): Promise<void> {
    return this.#access.put(kind.of(name), entryOf(data, until))
  }

  /** Resolves when the data is removed durably. @throws GatepostError LOG_UNAVAILABLE */
  remove<Name, Data extends object>(kind: SubjectKind<Name, Data>, name: Name): Promise<void> {
    return this.#access.put(kind.of(name), null)
  }

  /**
   * Claims the subject: writes the data unless another process of the installation was first.
   * @returns the data of the claim that won
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
