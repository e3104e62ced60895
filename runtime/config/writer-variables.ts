import type { Credential } from '../../ingest/writers/credentials.ts'
import { USER_NAME_RULES } from '../../common/user-name.ts'
import type { ReportedAs } from '../../schemas/streams/index.ts'
import { addressBlock, listItems, listOf, oneOf, parsed, type ValueSchema } from './values.ts'
import { optional, withDefault, type Variable } from './variable.ts'

const MAX_CREDENTIALS = 64

const CREDENTIALS_ALLOWED =
  'comma-separated name:secret, at most 64; a name has letters, digits, ., _ and -, at most 64 of them, a secret 16 to 128 characters of ASCII without commas and blanks, and belongs to one name'

/** `radius-1:secret,radius-1:next-secret,radius-2:secret` */
const credentials: ValueSchema<readonly Credential[]> = parsed((text) => {
  const found: Credential[] = []
  for (const item of text.split(',')) {
    const [, name, secret] = /^([A-Za-z0-9._-]{1,64}):([!-+\--~]{16,128})$/.exec(item.trim()) ?? []
    // As a bearer, a secret alone says who writes.
    if (name === undefined || found.some((other) => other.secret === secret)) return undefined
    found.push({ name, secret })
  }
  return found.length > MAX_CREDENTIALS ? undefined : found
})

const probeUsers: ValueSchema<readonly string[]> = parsed((text) => {
  const names = text === 'none' ? [] : text.split(',').map((name) => name.trim())
  return names.length > 64 || names.some((name) => name === '' || name.length > 253) ? undefined : names
})

type NetworksByKind = Readonly<Partial<Record<ReportedAs, readonly string[]>>>

const KINDS: readonly ReportedAs[] = ['post-auth', 'accounting', 'ping', 'auth']

const NETWORKS_BY_KIND_ALLOWED =
  'comma-separated kind=networks, the networks separated by blanks, such as post-auth=10.1.0.0/16 2001:db8::/32,ping=192.0.2.0/24; a kind is post-auth, accounting, ping or auth'

/** `post-auth=10.1.0.0/16 2001:db8::/32,ping=192.0.2.0/24` */
const networksByKind: ValueSchema<NetworksByKind> = parsed((text) => {
  const found: Partial<Record<ReportedAs, readonly string[]>> = {}
  for (const item of text.split(',')) {
    const [name, networks, ...rest] = item.split('=')
    const kind = KINDS.find((each) => each === name.trim())
    const blocks = listItems((networks ?? '').trim().replaceAll(/\s+/g, ','), addressBlock)
    if (kind === undefined || blocks === undefined || rest.length > 0 || found[kind] !== undefined) return undefined
    found[kind] = blocks
  }
  return found
})

/** Who may write: part of VARIABLES. */
export const WRITER_VARIABLES = {
  ingestCredentials: optional('GATEPOST_INGEST_CREDENTIALS', credentials, {
    description:
      'Names and secrets of the RADIUS servers that may report logins and accounting (HTTP Basic, or Bearer with the secret). The name is stored with every record. Give a name several secrets to change them. Needed beyond loopback, unless GATEPOST_INGEST_SOURCES names the networks for post-auth.',
    allowed: CREDENTIALS_ALLOWED,
    unset: '(unset: logins of this machine only)',
    secret: 'whole',
  }),
  ingestSources: optional('GATEPOST_INGEST_SOURCES', networksByKind, {
    description:
      'Networks that reports may come from, by kind: post-auth (logins), accounting, ping and auth (gateways). Accounting that is not named comes from those of post-auth; reports of another kind that is not named may come from anywhere.',
    allowed: NETWORKS_BY_KIND_ALLOWED,
    unset: '(unset: anywhere)',
  }),
  ingestOpen: withDefault('GATEPOST_INGEST_OPEN', 'no', oneOf('no', 'yes'), {
    description:
      'Whether logins are taken from everybody (yes). With GATEPOST_INGEST_CREDENTIALS, reports without a credential are taken too: for the time in which the RADIUS servers get theirs.',
    allowed: 'no or yes',
  }),
  ingestListeners: withDefault('GATEPOST_INGEST_LISTENERS', 'bulk', listOf('bulk', 'gateway'), {
    description: 'Listeners that take logins and accounting. The gateway listener can be reached by guests.',
    allowed: 'comma-separated, of bulk, gateway',
  }),
  userNames: optional('GATEPOST_USERNAMES', oneOf(...USER_NAME_RULES), {
    description:
      'How user names of RADIUS servers are stored and compared: lowercase (the whole name in lower case, its realm included), as-sent, or govwifi (the first six characters in capitals). Kept with the tables: it cannot be changed later. Give all processes the same.',
    allowed: 'lowercase, as-sent or govwifi',
    unset: '(as the tables are; new ones: `lowercase`)',
  }),
  probeUsers: withDefault('GATEPOST_PROBE_USERS', 'HEALTH', probeUsers, {
    description:
      'Users with whom RADIUS servers and balancers try whether logins work. Their reports are answered and make no record. The whole name must be the same, case included.',
    allowed: 'comma-separated user names without commas, at most 64 of at most 253 characters; or none',
  }),
} satisfies Record<string, Variable>
