/**
 * What the portal keeps of vouchers and accounts: subjects of the access-control log, which every worker of an installation reads, and
 * no table. Values are text.
 */
export interface Book {
  /** What is in force at `now`; undefined: nothing, also while not everything has been read yet. */
  get(subject: string, now: number): string | undefined
  /** Resolves when it is durable. `until`: when it ends, ms since the epoch; null: never. */
  put(subject: string, value: string, until: number | null): Promise<void>
  /** Writes unless somebody has before, anywhere in the installation. @returns the value that counts: the first one */
  claim(subject: string, value: string, until: number | null): Promise<string>
}
