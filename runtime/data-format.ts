import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { GatepostError } from '../common/errors.ts'
import { jsonFileText, readJsonFile } from '../common/json-file.ts'
import { packageVersion } from '../common/package-root.ts'
import { loadMigrations } from '../store/migrations.ts'

/*
 * <data directory>/format.json says which version of Gatepost last had the directory, and the format of each part of it. A part's number is
 * raised when a version before could not use what is written from then on; records are not among them, since their files say their schema.
 * A directory without this file is one of 0.1.0: every part has format 1 there.
 */

const FILE = 'format.json'

/** The formats that this version writes; it reads them from 1 on. */
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
    /** The embedded store: how many migrations there are. */
    store: loadMigrations().length,
  }
}

const formatSchema = z.object({ gatepost: z.string(), formats: z.record(z.string(), z.number().int().positive()) })

/**
 * That this version can use everything in a data directory, which need not exist.
 * @throws GatepostError DATA_FORMAT_LATER: a later version has written something there that this one cannot use
 */
export function assertDataFormat(dataDir: string): void {
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

/** Says in the directory that this version has it. PRECONDITION: assertDataFormat(), and the directory is this process's own. */
export function writeDataFormat(dataDir: string): void {
  const path = join(dataDir, FILE)
  writeFileSync(`${path}.new`, jsonFileText({ formats: dataFormats() }))
  renameSync(`${path}.new`, path)
}
