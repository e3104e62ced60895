import { GatepostError, messageOf } from '../../common/errors.ts'

/** One of the two ends of a move, over the HTTP interface of ClickHouse. */
export interface Side {
  readonly url: string
  readonly user: string
  readonly password: string
}

export function sideOfUrl(text: string): Side {
  const { protocol, host, username, password } = new URL(text)
  return {
    url: `${protocol}//${host}/`,
    user: decodeURIComponent(username) || 'default',
    password: decodeURIComponent(password),
  }
}

/** Rows of a query. @throws GatepostError STORE_UNAVAILABLE, STORE_REFUSED */
export async function rows<T>(side: Side, sql: string): Promise<T[]> {
  const text = await (await ask(side, {}, `${sql} FORMAT JSONEachRow`)).text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

export async function command(side: Side, sql: string): Promise<void> {
  await (await ask(side, {}, sql)).text()
}

/** Streams the result of a query into a table. @param id of the insert, so that it can be found while it runs */
export async function copy(from: Side, select: string, to: Side, insert: string, id: string): Promise<void> {
  const source = await ask(from, {}, `${select} FORMAT Native`)
  if (source.body === null) throw new GatepostError('STORE_UNAVAILABLE', `${from.url} answered nothing`)
  await (await ask(to, { query: `${insert} FORMAT Native`, query_id: id }, source.body)).text()
}

async function ask(
  { url, user, password }: Side,
  params: Record<string, string>,
  body: string | ReadableStream,
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`${url}?${new URLSearchParams({ database: 'gatepost', ...params }).toString()}`, {
      method: 'POST',
      headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
      body,
      ...(typeof body === 'string' ? {} : { duplex: 'half' }),
    })
  } catch (error) {
    throw new GatepostError('STORE_UNAVAILABLE', `${url}: ${messageOf((error as Error).cause ?? error)}`, error)
  }
  if (response.ok) return response
  throw new GatepostError('STORE_REFUSED', `${url}: ${(await response.text()).slice(0, 500)}`)
}
