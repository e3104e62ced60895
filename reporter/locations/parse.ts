import { parse as parseCsv } from 'csv-parse/sync'
import { canonicalIp } from '../../common/ip-address.ts'
import { GatepostError, messageOf } from '../../common/errors.ts'

/** One row of table `ip_locations`. */
export interface Location {
  /** Canonical text; each address occurs once. */
  readonly ip: string
  readonly location_id: number
  /** Empty: not given. */
  readonly name: string
}

/** One unchecked row of the input, and its place for error messages. */
interface Candidate {
  readonly where: string
  readonly ip: unknown
  readonly locationId: unknown
  readonly name: unknown
}

// A wrong file is often wrong in every row, so the list of problems is limited.
const PROBLEMS_SHOWN = 10
const MAX_LOCATION_ID = Number.MAX_SAFE_INTEGER

/**
 * Parses a file of locations: a JSON array of {ip, location_id, name?}, or CSV with these columns.
 * @throws GatepostError INPUT_INVALID naming the line or element of each problem
 */
export function parseLocations(text: string): Location[] {
  const content = text.replace(/^\ufeff/, '')
  const candidates = content.trimStart().startsWith('[') ? jsonCandidates(content) : csvCandidates(content)
  const problems: string[] = []
  const seen = new Map<string, { location: Location; where: string }>()
  for (const candidate of candidates) {
    const location = check(candidate)
    if (typeof location === 'string') {
      problems.push(`${candidate.where}: ${location}`)
      continue
    }
    const earlier = seen.get(location.ip)
    if (earlier === undefined) seen.set(location.ip, { location, where: candidate.where })
    else if (earlier.location.location_id !== location.location_id) {
      problems.push(
        `${candidate.where}: ${location.ip} has location ${location.location_id} here ` +
          `and ${earlier.location.location_id} at ${earlier.where}`,
      )
    }
  }
  if (problems.length > 0) throw invalid(problems)
  if (seen.size === 0) throw new GatepostError('INPUT_INVALID', 'there is no location in it')
  return [...seen.values()].map(({ location }) => location)
}

function invalid(problems: readonly string[]): GatepostError {
  const rest = problems.length - PROBLEMS_SHOWN
  const shown = problems.slice(0, PROBLEMS_SHOWN).concat(rest > 0 ? [`and ${rest} more`] : [])
  return new GatepostError('INPUT_INVALID', shown.join('\n'))
}

function check({ ip, locationId, name }: Candidate): Location | string {
  const address = typeof ip === 'string' ? canonicalIp(ip.trim()) : undefined
  // The metrics use the unspecified address for "not an address".
  if (address === undefined || address === '::') return `ip ${quote(ip)} is not an IPv4 or IPv6 address`
  const id = wholeNumber(locationId)
  if (id === undefined) return `location_id ${quote(locationId)} is not a whole number from 0 to ${MAX_LOCATION_ID}`
  if (name !== undefined && name !== null && typeof name !== 'string') return `name ${quote(name)} is not text`
  return { ip: address, location_id: id, name: name ?? '' }
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= MAX_LOCATION_ID
    ? number
    : undefined
}

function quote(value: unknown): string {
  if (value === undefined) return '(missing)'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

function jsonCandidates(text: string): Candidate[] {
  let values: unknown
  try {
    values = JSON.parse(text)
  } catch (error) {
    throw new GatepostError('INPUT_INVALID', `not a JSON array: ${messageOf(error)}`, error)
  }
  return (values as unknown[]).map((value, index) => {
    const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    return { where: `element ${index}`, ip: fields['ip'], locationId: fields['location_id'], name: fields['name'] }
  })
}

interface CsvRecord {
  readonly record: Readonly<Record<string, string | undefined>>
  readonly info: { readonly lines: number }
}

function csvCandidates(text: string): Candidate[] {
  const records = csvRecords(text)
  // Without a final line break, a file that was cut off within its last value would look complete.
  if (records.length > 0 && !/[\r\n]$/.test(text)) {
    const where = `line ${records[records.length - 1].info.lines}`
    throw new GatepostError('INPUT_INVALID', `${where}: the last line has no line break: the file may not be whole`)
  }
  return records.map(({ record, info }) => ({
    where: `line ${info.lines}`,
    ip: record['ip'],
    locationId: record['location_id'],
    name: record['name'],
  }))
}

function csvRecords(text: string): CsvRecord[] {
  try {
    return parseCsv(text, { columns: header, info: true, skip_empty_lines: true }) as unknown as CsvRecord[]
  } catch (error) {
    if (error instanceof GatepostError) throw error
    throw new GatepostError('INPUT_INVALID', `not CSV: ${messageOf(error)}`, error)
  }
}

function header(names: readonly string[]): string[] {
  const columns = names.map((name) => name.trim().toLowerCase())
  if (!columns.includes('ip') || !columns.includes('location_id')) {
    throw new GatepostError(
      'INPUT_INVALID',
      'neither a JSON array nor CSV whose first line names the columns ip, location_id and, if wanted, name',
    )
  }
  return columns
}
