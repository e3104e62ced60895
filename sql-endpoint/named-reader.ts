/** A user who reads a part of the tables. */
export interface NamedReader {
  /** Letters, digits and underscores. */
  readonly name: string
  /** SHA-256 of the password in hex. */
  readonly passwordSha256: string
  /** Tables (`t`) and columns (`t.c`) that this user sees; null: all. */
  readonly shown: readonly string[] | null
  /** Tables and columns that this user does not see. */
  readonly hidden: readonly string[]
  /** Limits lower than those of the endpoint. */
  readonly limits: {
    readonly maxExecutionSeconds?: number
    readonly maxMemoryBytes?: number
    readonly maxResultBytes?: number
  }
}
