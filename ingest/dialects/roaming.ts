import { makeAnswer, makeJsonAnswer, type Answer } from '../http.ts'

/** How a gateway asks for a token of a client that has none, and reads the answer. */
export interface RoamingForm {
  readonly refused: Answer
  /** @param now ms since the epoch */
  admitted(token: string, gwId: string, now: number): Answer
}

/** wifidog-ng 2: `GET auth?stage=roam&gw_id=&ip=&mac=`. */
export const ROAM_STAGE: RoamingForm = {
  refused: makeAnswer('auth', 200, 'Auth: 0'),
  admitted: (token) => makeAnswer('auth', 200, `token=${token}`),
}

/** What apfree adds to its list (add_online_client of client_list.c): all three, or it adds nothing. */
function apfreeClient(token: string, gw_id: string, now: number) {
  return { token, firstLogin: Math.floor(now / 1000), gw_id }
}

/** The paths of apfree 7 to 9 (centralserver.c), `GET roam?gw_id=&mac=&gw_channel=` and `GET login2?gw_id=&gw_address=&gw_port=&mac=&gw_channel=&ip=`. */
export const APFREE_ROAMING = {
  roam: {
    refused: makeJsonAnswer('roam', 200, { roam: 'no' }),
    admitted: (token, gwId, now) =>
      makeJsonAnswer('roam', 200, { roam: 'yes', client: apfreeClient(token, gwId, now) }),
  },
  login2: {
    refused: makeJsonAnswer('login2', 200, { ret_code: 1 }),
    admitted: (token, gwId, now) =>
      makeJsonAnswer('login2', 200, { ret_code: 0, client: apfreeClient(token, gwId, now) }),
  },
} satisfies Record<string, RoamingForm>
