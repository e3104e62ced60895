/** An answer of the API. Without a login it goes to the page that asks for one. */
export async function get(path) {
  return answered(await asked(path))
}

/** A list, and how many rows there are on all of its pages. */
export async function getPage(path) {
  const response = await asked(path)
  return { rows: await answered(response), total: Number(response.headers.get('X-Total-Count')) }
}

const asked = (path) => fetch(path, { headers: { Accept: 'application/json' } })

export async function post(path, body) {
  return answered(
    await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  )
}

async function answered(response) {
  if (response.status === 401 && location.pathname !== '/login') {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`)
    return new Promise(() => {})
  }
  const body = await response.json()
  if (!response.ok) throw new Error(body.error ?? `answered ${response.status}`)
  return body
}

/** The parameters of this page's address as those of another. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '')
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
}
