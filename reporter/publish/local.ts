import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricResult } from '../metrics/metric.ts'
import { PublishError, resultJson, resultPath, type Message, type Publisher } from './publisher.ts'

/** One file per result, `<metric>/<metric>-<period>-<D>.json`, replaced atomically. */
export class FilePublisher implements Publisher {
  readonly name = 'file'
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  takes(): boolean {
    return true
  }

  message(result: MetricResult): Message {
    return { target: join(this.#directory, `${resultPath(result)}.json`), body: resultJson(result) }
  }

  async send(_metric: MetricDefinition, { target, body }: Message): Promise<string> {
    try {
      await mkdir(dirname(target), { recursive: true })
      await writeFile(`${target}.new`, `${body}\n`)
      await rename(`${target}.new`, target)
    } catch (error) {
      throw new PublishError(messageOf(error), true, error)
    }
    return 'written'
  }
}

/** One line per result. */
export class StdoutPublisher implements Publisher {
  readonly name = 'stdout'
  readonly #write: (line: string) => void

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  takes(): boolean {
    return true
  }

  message(result: MetricResult): Message {
    return { target: '-', body: resultJson(result) }
  }

  send(_metric: MetricDefinition, { body }: Message): Promise<string> {
    this.#write(body)
    return Promise.resolve('printed')
  }
}
