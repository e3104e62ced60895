import { resolve } from 'node:path'
import { lockDirectory, type DirectoryLock } from '../../common/directory-lock.ts'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import { assertDataFormat, writeDataFormat } from '../data-format.ts'

/** A data directory that this process has locked. */
export interface OwnedDirectory {
  /** Absolute path. */
  readonly path: string
  release(): Promise<void>
}

/** @throws GatepostError CONFIG_INVALID: it cannot be created; DIRECTORY_LOCKED: another instance uses it; DATA_FORMAT_LATER */
export async function ownDirectory(configured: string): Promise<OwnedDirectory> {
  const path = resolve(configured)
  try {
    await makeDirectory(path)
  } catch (error) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${path}: cannot be created: ${messageOf(error)}`,
      error,
    )
  }
  const lock = await lockSupervisor(path)
  try {
    assertDataFormat(path)
    writeDataFormat(path)
  } catch (error) {
    await lock.release()
    throw error
  }
  return { path, release: () => lock.release() }
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
