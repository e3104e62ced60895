import type { Instance } from './instance.ts'

/** Posts a login that `id` names. */
export function post(instance: Instance, id: string): Promise<Response> {
  return fetch(instance.url('/logging/post-auth'), {
    method: 'POST',
    body: JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id }),
  })
}

/** Names of the logins in the table, once there are enough; see queryUntil(). */
export async function stored(instance: Instance, enough: (ids: string[]) => boolean): Promise<string[]> {
  const rows = await instance.queryUntil<{ id: string }>('SELECT task_id AS id FROM post_auth ORDER BY id', (found) =>
    enough(found.map(({ id }) => id)),
  )
  return rows.map(({ id }) => id)
}
