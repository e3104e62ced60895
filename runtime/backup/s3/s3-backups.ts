import { createHash } from 'node:crypto'
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { GatepostError } from '../../../common/errors.ts'
import { makeBackup, type BackupParts, type MadeBackup } from '../make-backup.ts'
import {
  isBackupId,
  MANIFEST,
  parseManifest,
  readManifest,
  TABLES,
  timeOfId,
  type BackedUpFile,
  type Manifest,
} from '../manifest.ts'
import { keptWith } from '../list.ts'
import { s3Address, type S3Access } from './address.ts'
import { Bucket } from './bucket.ts'

/*
 * Backups in a bucket: `<prefix><id>/` holds what the directory of a backup holds, and its manifest is written last. They are made in a
 * directory first, and sent; to be read, they are fetched into a directory.
 */

/** A manifest names each file in some 200 bytes. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024
const AT_ONCE = 8
/** What an interrupted backup has left is removed after this time: another one may be under way. */
const LEFT_MS = 24 * 3_600_000
/** Of the tables of a base, the engine reads this file to know what it holds. */
const ENGINE_MANIFEST = '.backup'

export class S3Backups {
  readonly #to: string
  readonly #bucket: Bucket

  /** @param to s3://bucket/prefix @throws GatepostError INPUT_INVALID, CONFIG_INVALID */
  constructor(to: string, access: S3Access) {
    this.#to = to.replace(/\/+$/, '')
    this.#bucket = new Bucket(s3Address(to), access)
  }

  /**
   * Makes a backup below the data directory, which needs that room, and sends it.
   * @throws GatepostError as makeBackup(); STORE_UNAVAILABLE, CONFIG_INVALID: the service
   */
  async make(parts: BackupParts, base: string | null): Promise<MadeBackup> {
    const started = performance.now()
    const staging = join(parts.dataDir, 'run', 'backup-s3')
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging, { recursive: true, mode: 0o700 })
    try {
      if (base !== null) await this.#fetchBase(base, staging)
      const made = await makeBackup(parts, { to: staging, base })
      await this.#send(made, parts)
      const tookMs = Math.round(performance.now() - started)
      return { ...made, directory: `${this.#to}/${made.id}`, tookMs }
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  }

  /** The complete backups, the oldest first. */
  async list(): Promise<Manifest[]> {
    const manifests = await Promise.all((await this.#ids()).map((id) => this.#manifest(id)))
    return manifests.filter((manifest) => manifest !== null)
  }

  /** Removes the oldest beyond `keep`, and what interrupted ones have left. @returns the removed ones */
  async removeOld(keep: number): Promise<string[]> {
    const all = await this.list()
    const kept = keptWith(all, keep)
    const complete = new Set(all.map(({ id }) => id))
    const left = (await this.#ids()).filter((id) => !complete.has(id) && Date.now() - timeOfId(id) > LEFT_MS)
    const old = all.map(({ id }) => id).filter((id) => !kept.has(id))
    for (const id of [...old, ...left]) {
      // Without its manifest it is not a backup any more, whatever is left of it.
      if (complete.has(id)) await this.#bucket.remove(`${id}/${MANIFEST}`)
      await inTurn(await this.#bucket.namesBelow(id), (name) => this.#bucket.remove(name))
    }
    return old
  }

  /**
   * Fetches a backup, and the base that it needs, into a directory.
   * @param id null: the newest
   * @returns the directory of the backup
   * @throws GatepostError INPUT_INVALID: there is none, or an object is missing or is not what was written
   */
  async fetch(id: string | null, into: string, progress: (what: string) => void): Promise<string> {
    const manifest = id === null ? ((await this.list()).at(-1) ?? null) : await this.#manifest(id)
    if (manifest === null) throw new GatepostError('INPUT_INVALID', `${this.#to}: there is no complete backup`)
    const needed = [manifest]
    if (manifest.base !== null) {
      const base = await this.#manifest(manifest.base)
      if (base === null) {
        const what = `backup ${manifest.id} needs its base ${manifest.base} beside it, and there is none`
        throw new GatepostError('INPUT_INVALID', what)
      }
      needed.push(base)
    }
    for (const each of needed) await this.#fetchAll(each, join(into, each.id), progress)
    return join(into, manifest.id)
  }

  async #ids(): Promise<string[]> {
    return (await this.#bucket.folders()).filter(isBackupId).sort()
  }

  async #manifest(id: string): Promise<Manifest | null> {
    const text = await this.#bucket.text(`${id}/${MANIFEST}`, MAX_MANIFEST_BYTES)
    return text === null ? null : parseManifest(text, `${this.#to}/${id}/${MANIFEST}`)
  }

  async #fetchBase(base: string, staging: string): Promise<void> {
    const manifest = await this.#manifest(base)
    if (manifest === null) {
      throw new GatepostError(
        'INPUT_INVALID',
        `${base} in ${this.#to} cannot be a base: there is no complete backup of that name`,
      )
    }
    const needed = manifest.files.filter(({ path }) => path === join(TABLES, ENGINE_MANIFEST))
    for (const file of needed) await this.#fetchFile(manifest, file, join(staging, base))
    await this.#writeManifest(manifest.id, join(staging, base))
  }

  async #send({ directory, id }: MadeBackup, { stopped }: BackupParts): Promise<void> {
    const manifest = readManifest(directory) as Manifest
    const own = manifest.files.filter(({ inBase }) => !inBase)
    await inTurn(own, async ({ path }) => {
      if (stopped()) throw new GatepostError('STORE_UNAVAILABLE', 'the backup was given up, since the process stops')
      await this.#bucket.put(`${id}/${path.split(sep).join('/')}`, join(directory, path))
    })
    await this.#bucket.put(`${id}/${MANIFEST}`, join(directory, MANIFEST))
  }

  async #fetchAll(manifest: Manifest, directory: string, progress: (what: string) => void): Promise<void> {
    const own = manifest.files.filter(({ inBase }) => !inBase)
    let done = 0
    await inTurn(own, async (file) => {
      await this.#fetchFile(manifest, file, directory)
      progress(`${manifest.id}: file ${++done} of ${own.length}`)
    })
    await this.#writeManifest(manifest.id, directory)
  }

  async #writeManifest(id: string, directory: string): Promise<void> {
    const text = await this.#bucket.text(`${id}/${MANIFEST}`, MAX_MANIFEST_BYTES)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeFile(join(directory, MANIFEST), text ?? '', { mode: 0o600 })
  }

  async #fetchFile({ id }: Manifest, { path, bytes, sha256 }: BackedUpFile, directory: string): Promise<void> {
    const name = `${id}/${path.split(sep).join('/')}`
    const target = join(directory, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    const hash = createHash('sha256')
    let written = 0
    const file = await open(target, 'w', 0o600)
    try {
      for await (const chunk of (await this.#bucket.get(name)) as AsyncIterable<Buffer>) {
        written += chunk.length
        if (written > bytes) break
        hash.update(chunk)
        await file.writeFile(chunk)
      }
    } finally {
      await file.close()
    }
    if (written !== bytes || hash.digest('hex') !== sha256)
      throw new GatepostError('INPUT_INVALID', `${this.#to}/${name} is damaged: it is not what was written`)
  }
}

/** Some at once. The first error ends it, after what is under way. */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  const worker = async () => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++])
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
