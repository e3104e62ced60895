import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { lockDirectory, type DirectoryLock } from '../../common/directory-lock.ts'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import type { Config } from '../config/config.ts'
import { assertDataFormat, writeDataFormat } from '../data-format.ts'
import { mayWrite } from '../may-write.ts'
import { assertNotMoved } from '../move/moved.ts'
import type { UserNamesOption } from '../ingest-process/user-names.ts'
import { userNamesOf } from './user-names.ts'

/** What every instance has made in its directory; a command makes tables only. */
const USED = ['format.json', 'journal', 'spill']

/** A data directory that this process has locked. */
export interface OwnedDirectory {
  /** Absolute path. */
  readonly path: string
  readonly userNames: UserNamesOption
  release(): Promise<void>
}

/** @throws GatepostError CONFIG_INVALID: it cannot be created or written; DIRECTORY_LOCKED: another instance uses it; DATA_FORMAT_LATER */
export async function ownDirectory(config: Config): Promise<OwnedDirectory> {
  const path = resolve(config.dataDir)
  try {
    await makeDirectory(path)
  } catch (error) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${path}: cannot be created: ${messageOf(error)}`,
      error,
    )
  }
  await requireWritable(path)
  const lock = await lockSupervisor(path)
  try {
    assertDataFormat(path)
    if (config.clickhouseUrl === undefined) assertNotMoved(path)
    // Before format.json: a directory that has that one alone was used by a version without rules.
    const userNames = userNamesOf(
      config,
      path,
      USED.some((name) => existsSync(join(path, name))),
    )
    writeDataFormat(path)
    return { path, userNames, release: () => lock.release() }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** It is root's if root has run an instance there before GATEPOST_USER was set. */
async function requireWritable(path: string): Promise<void> {
  if (await mayWrite(path)) return
  // Its number: in a container it may have no name.
  const uid = process.getuid?.()
  const reason = `user ${uid} may not write there. chown -R ${uid} ${path} makes it theirs`
  throw new GatepostError('CONFIG_INVALID', `GATEPOST_DATA_DIR=${path}: ${reason}`)
}

async function lockSupervisor(path: string): Promise<DirectoryLock> {
  try {
    return await lockDirectory(path, 'supervisor')
  } catch (error) {
    if (!(error instanceof GatepostError) || error.code !== 'DIRECTORY_LOCKED') throw error
    throw new GatepostError(
      'DIRECTORY_LOCKED',
      `another instance of gatepost is running on ${path}. Stop it first, or give this one a directory of its own (GATEPOST_DATA_DIR).`,
      error,
    )
  }
}
