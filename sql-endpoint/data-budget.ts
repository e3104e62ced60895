import { SqlError } from './errors.ts'

/** The bytes that requests keep in files: bounded for each request, and for all of them together. */
export class DataBudget {
  readonly #maxOfRequest: number
  readonly #maxOfAll: number
  #used = 0

  constructor(maxOfRequest: number, maxOfAll: number) {
    this.#maxOfRequest = maxOfRequest
    this.#maxOfAll = maxOfAll
  }

  get used(): number {
    return this.#used
  }

  /** For one request. */
  share(): DataShare {
    let own = 0
    return {
      take: (bytes) => {
        if (own + bytes > this.#maxOfRequest) {
          throw new SqlError('QUERY_IS_TOO_LARGE', `The request's data is larger than ${this.#maxOfRequest} bytes`)
        }
        if (this.#used + bytes > this.#maxOfAll) {
          throw new SqlError('TOO_MANY_SIMULTANEOUS_QUERIES', 'Too much data of other requests is being kept')
        }
        own += bytes
        this.#used += bytes
      },
      giveBack: () => {
        this.#used -= own
        own = 0
      },
    }
  }
}

export interface DataShare {
  /** @throws SqlError QUERY_IS_TOO_LARGE, TOO_MANY_SIMULTANEOUS_QUERIES */
  take(bytes: number): void
  giveBack(): void
}

/** The same bytes, each of which is taken from the share. */
export async function* within(share: DataShare, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    share.take(chunk.length)
    yield chunk
  }
}
