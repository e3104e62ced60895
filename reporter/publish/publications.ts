import { createHash } from 'node:crypto'
import { keyColumns, type MetricKey } from '../metrics/stored-metric.ts'
import { insertRows, type TableStore } from '../../store/table-store.ts'
import type { Message, PublisherName } from './publisher.ts'

/** A row of table `publications`: the state of one result at one publisher. */
export interface Publication {
  readonly publisher: PublisherName
  readonly metric_name: string
  readonly period: string
  readonly date: string
  readonly hour: number
  readonly status: 'sent' | 'failed'
  readonly target: string
  readonly answer: string
  readonly attempts: number
  readonly published_at: string
}

export function digestOf({ target, body }: Message): string {
  return createHash('sha256').update(target).update('\n').update(body).digest('hex')
}

/** Whether exactly this message has been sent. */
export async function wasSent(
  store: TableStore,
  publisher: PublisherName,
  key: MetricKey,
  message: Message,
): Promise<boolean> {
  const rows = await store.query<{ status: string; digest: string }>(
    `SELECT status, digest FROM gatepost.publications
     WHERE publisher = {publisher:String} AND metric_name = {metric_name:String} AND period = {period:String}
       AND date = {date:Date} AND hour = {hour:UInt8}
     ORDER BY published_at DESC LIMIT 1`,
    { publisher, ...keyColumns(key) },
  )
  return rows.length > 0 && rows[0].status === 'sent' && rows[0].digest === digestOf(message)
}

export async function recordPublication(
  store: TableStore,
  publisher: PublisherName,
  key: MetricKey,
  message: Message,
  outcome: { readonly status: 'sent' | 'failed'; readonly answer: string; readonly attempts: number },
): Promise<void> {
  const row = { publisher, ...keyColumns(key), target: message.target, digest: digestOf(message), ...outcome }
  const columns = 'publisher, metric_name, period, date, hour, target, digest, status, answer, attempts'
  await insertRows(store, `gatepost.publications (${columns})`, [row])
}

/** The newest state of every result at every publisher, latest first. */
export function listPublications(
  store: TableStore,
  { failed, limit }: { readonly failed: boolean; readonly limit: number },
): Promise<Publication[]> {
  return store.query<Publication>(
    `SELECT publisher, metric_name, period, toString(date) AS date, hour, status, target, answer, attempts,
       toString(published_at) AS published_at
     FROM gatepost.publications FINAL
     ${failed ? "WHERE status = 'failed'" : ''}
     ORDER BY publications.published_at DESC, publisher, metric_name LIMIT {limit:UInt32}`,
    { limit },
  )
}
