import type { Chance } from './chance.ts'
import type { Customer, Site } from './fleet.ts'

/** A login as a RADIUS server reports it: the body of POST /logging/post-auth. */
export interface Login {
  readonly body: string
  readonly accepted: boolean
}

const WRONG_PASSWORD = 'The username or password you entered was incorrect'
const REJECTIONS = [
  WRONG_PASSWORD,
  WRONG_PASSWORD,
  WRONG_PASSWORD,
  WRONG_PASSWORD,
  'Account has expired',
  'User not found',
]
const NO_SERVER = 'No response from the home server'
const CERTIFICATE_EXPIRED = 'TLS Alert read:fatal:certificate expired'

/** Probability that a login is rejected because of a typing error. */
const REJECTED = 0.045

export function makeLogin(site: Site, person: Customer, at: number, chance: Chance, retry = false): Login {
  const { certificate } = person
  const reply = rejection(site, person, at, chance, retry)
  return {
    accepted: reply === null,
    body: JSON.stringify({
      username: certificate === null ? person.username : certificate.name,
      mac: chance.pick(person.devices),
      called_station_id: chance.pick(site.accessPoints),
      site_ip_address: site.ip,
      authentication_result: reply === null ? 'Access-Accept' : 'Access-Reject',
      authentication_reply: reply ?? '',
      task_id: `radius-${1 + (site.index % 3)}`,
      ...(certificate === null
        ? { eap_type: 'MSCHAPv2' }
        : {
            eap_type: 'TLS',
            cert_name: certificate.name,
            cert_serial: certificate.serial,
            cert_subject: certificate.subject,
            cert_issuer: certificate.issuer,
          }),
    }),
  }
}

/** Null: accepted. */
function rejection(site: Site, { certificate }: Customer, at: number, chance: Chance, retry: boolean): string | null {
  if (at >= site.brokenFrom && chance.happens(0.7)) return NO_SERVER
  if (certificate !== null) return at >= certificate.expires ? CERTIFICATE_EXPIRED : null
  return chance.happens(retry ? 0.3 : REJECTED) ? chance.pick(REJECTIONS) : null
}
