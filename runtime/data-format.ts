import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { GatepostError } from '../common/errors.ts'
import { jsonFileText, readJsonFile } from '../common/json-file.ts'
import { packageVersion } from '../common/package-root.ts'
import { loadMigrations } from '../store/migrations.ts'
import { assertNotRestoring } from './backup/restoring.ts'

/*
 * <data directory>/format.json names the version of Gatepost that last used the directory, and the format of each part. Increment a part's
 * number when earlier versions could no longer use what this version writes there. Records are not listed: their files carry their schema. A
 * directory without this file was written by 0.1.0, and every part has format 1.
 */

const FILE = 'format.json'

/** The formats that this version writes; it reads all formats from 1 to these. */
export function dataFormats(): Readonly<Record<string, number>> {
  return {
    /** log/journal/layout.ts: names and suffixes of segments, slots, corrupt/. */
    journal: 1,
    /** The same, below spill/, and its partitions.json. */
    spill: 1,
    /** log/journal/archive.ts */
    archive: 1,
    /** access/journal-log.ts: access-control.log. */
    access_log: 1,
    /** runtime/instance/instance-file.ts: run/instance.json. */
    instance: 1,
    /** runtime/supervisor/demo-marker.ts: demo.json. */
    demo: 1,
    /** The embedded store: the number of migrations. */
    store: loadMigrations().length,
  }
}

const formatSchema = z.object({ gatepost: z.string(), formats: z.record(z.string(), z.number().int().positive()) })

/**
 * Checks that this version can use everything in a data directory, which need not exist.
 * @param restoring the caller is the restore that fills it
 * @throws GatepostError DATA_FORMAT_LATER: a later version has written something that this one cannot use; CONFIG_INVALID: a restore into
 *   it has not finished
 */
export function assertDataFormat(dataDir: string, { restoring = false } = {}): void {
  if (!restoring) assertNotRestoring(dataDir)
  const found = readJsonFile(join(dataDir, FILE), formatSchema)
  if (found === null) return
  const known = dataFormats()
  const later = Object.entries(found.formats).filter(([part, format]) => format > (known[part] ?? 0))
  if (later.length === 0) return
  const parts = later.map(
    ([part, format]) => `${part} has format ${format}, this version knows ${known[part] ?? 'none'}`,
  )
  throw new GatepostError(
    'DATA_FORMAT_LATER',
    `${dataDir} was last used by Gatepost ${found.gatepost}, and this is ${packageVersion()}: ${parts.join('; ')}. ` +
      `Install ${found.gatepost} or later, or give this version a directory of its own (GATEPOST_DATA_DIR)`,
  )
}

/**
 * Records that this version uses the directory. PRECONDITION: assertDataFormat() succeeded, and the process holds the directory's lock.
 */
export function writeDataFormat(dataDir: string): void {
  const path = join(dataDir, FILE)
  writeFileSync(`${path}.new`, jsonFileText({ formats: dataFormats() }))
  renameSync(`${path}.new`, path)
}
