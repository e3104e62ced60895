import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError, messageOf, type ErrorCode } from '../../common/errors.ts'
import { s3Access } from '../config/backup-options.ts'
import type { Config } from '../config/config.ts'
import { assertDataFormat } from '../data-format.ts'
import { loadEngine } from '../engine.ts'
import { quietLogger } from '../instance/connect.ts'
import { readInstanceFile, type InstanceInfo } from '../instance/instance-file.ts'
import type { BackupState } from './backups.ts'
import { writeLastBackup } from './last.ts'
import type { BackupRequest, MadeBackup } from './make-backup.ts'
import { timeOfId } from './manifest.ts'
import { placeOf } from './place.ts'

const POLL_MS = 200
const WAIT_MS = 8000
const REQUEST_TIMEOUT_MS = 30_000

/**
 * A backup for a command: made by the running instance, or here if none runs.
 * @throws GatepostError CONFIG_INVALID: the tables are on a server, or there is no data directory; as makeBackup()
 */
export async function requestBackup(config: Config, request: BackupRequest): Promise<MadeBackup> {
  if (config.clickhouseUrl !== undefined) {
    throw new GatepostError(
      'CONFIG_INVALID',
      'GATEPOST_CLICKHOUSE_URL is set: the tables are backed up on the server. docs/backup.md says what else there is to back up',
    )
  }
  const dataDir = resolve(config.dataDir)
  if (!existsSync(join(dataDir, 'store'))) {
    throw new GatepostError('CONFIG_INVALID', `GATEPOST_DATA_DIR=${dataDir}: there are no tables to back up`)
  }
  assertDataFormat(dataDir)
  // An instance that was killed is usually started again within seconds, and could not while this command holds the directory.
  const deadline = performance.now() + WAIT_MS
  for (let info = readInstanceFile(dataDir); info !== null; info = readInstanceFile(dataDir)) {
    const made = await ofInstance(info, request)
    if (made !== null) return made
    if (performance.now() >= deadline) break
    await sleep(POLL_MS)
  }
  return ofDirectory(config, dataDir, request)
}

/** Null: no instance answers with the announced key. */
async function ofInstance(info: InstanceInfo, request: BackupRequest): Promise<MadeBackup | null> {
  const begun = await ask<{ token: string }>(info, 'POST', 'backup', request)
  if (begun === null) return null
  for (;;) {
    await sleep(POLL_MS)
    const state = await ask<BackupState>(info, 'GET', `backup/${begun.token}`)
    if (state === null)
      throw new GatepostError('STORE_UNAVAILABLE', 'the instance stopped during the backup; it is not complete')
    if (state.state === 'made') return state.made
    if (state.state === 'failed') throw new GatepostError(state.code ?? 'STORE_REFUSED', state.error)
  }
}

async function ask<T>(
  { sqlUrl, user, key }: InstanceInfo,
  method: string,
  path: string,
  body?: object,
): Promise<T | null> {
  let response: Response
  try {
    response = await fetch(new URL(`/operator/${path}`, sqlUrl), {
      method,
      headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': key },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
  } catch {
    return null
  }
  // After a crash, the port may belong to another program by now.
  if (response.status === 403 || response.status === 401 || response.status === 404) return null
  const answer = (await response.json().catch((error: unknown) => ({ error: messageOf(error) }))) as {
    error?: string
    code?: ErrorCode | null
  }
  if (response.ok) return answer as T
  throw new GatepostError(answer.code ?? 'STORE_REFUSED', answer.error ?? `the instance answered ${response.status}`)
}

async function ofDirectory(config: Config, dataDir: string, request: BackupRequest): Promise<MadeBackup> {
  // No instance starts meanwhile.
  const lock = await lockDirectory(dataDir, 'supervisor')
  try {
    // Load the engine only when it is needed.
    const { openEmbeddedStore } = await loadEngine()
    const store = await openEmbeddedStore({
      path: join(dataDir, 'store'),
      logger: quietLogger(),
      retention: config.retention,
    })
    try {
      const place = await placeOf(request.to, s3Access(config))
      const made = await place.make(
        {
          dataDir,
          log: config.kafkaBrokers === undefined ? 'journal' : 'kafka',
          store,
          holdWriters: () => Promise.resolve(() => undefined),
          stopped: () => false,
        },
        request.base,
      )
      writeLastBackup(dataDir, { id: made.id, at: timeOfId(made.id), directory: made.directory })
      return made
    } finally {
      await store.close()
    }
  } finally {
    await lock.release()
  }
}
