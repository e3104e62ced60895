/** Commands write results to standard output and everything else to standard error, so that results can be piped. */
export interface Output {
  /** One line of a result. */
  line(text: string): void
  /** The result as the one JSON document of `--json`. */
  json(value: unknown): void
  /** A long result in pieces, written no faster than they are read. */
  stream(pieces: Iterable<string>): Promise<void>
  /** A line for the user, not part of the result. */
  note(text: string): void
}
