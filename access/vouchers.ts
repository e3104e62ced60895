import type { AccessEntry, AccessLog } from './log.ts'
import { livingPlaces, releasePlaces } from './places.ts'
import { SUBJECTS, type Voucher } from './subjects.ts'
import { hashVoucherCode, newVoucherCode, type VoucherHash } from './voucher-code.ts'

/*
 * Vouchers: codes that the operator hands out. Their first use and the places of their devices are claims, so that of two workers that see the
 * same voucher at the same time exactly one wins.
 */

/** The account name under which a voucher's sessions are stored and can be denied. */
export function voucherAccount(id: string): string {
  return `voucher-${id}`
}

/** Null: it is none of a voucher. */
export function voucherIdOf(account: string): string | null {
  return /^voucher-([0-9a-f]+)$/.exec(account)?.[1] ?? null
}

/** The voucher of an account, whatever was decided about it; undefined: it is none of a voucher. */
export function voucherOf(access: AccessLog, account: string, now: number): Voucher | undefined {
  const id = voucherIdOf(account)
  return id === null ? undefined : SUBJECTS.voucher.dataOf(access.get(SUBJECTS.voucher.of(id), now))
}

export interface VoucherOrder {
  readonly count: number
  /** From the first use, ms. */
  readonly validForMs: number
  readonly maxDevices: number
  readonly label: string
  /** Longest session, ms; unset: the portal's. */
  readonly sessionMs?: number | undefined
  /** Bytes of all its sessions together; unset: no limit. */
  readonly quotaBytes?: number | undefined
  /** Which device may stay if there are more than allowed; unset: the first. */
  readonly wins?: 'first' | 'newest' | undefined
  readonly now: number
}

/** A new voucher: the only moment at which its code is known. */
export interface NewVoucher {
  readonly id: string
  readonly code: string
}

/** @throws GatepostError LOG_UNAVAILABLE: some of the vouchers may exist already */
export async function createVouchers(access: AccessLog, secret: string, order: VoucherOrder): Promise<NewVoucher[]> {
  const { count, validForMs, maxDevices, label, sessionMs, quotaBytes, wins, now } = order
  const made: NewVoucher[] = []
  while (made.length < count) {
    const code = newVoucherCode()
    const { id, proof } = hashVoucherCode(secret, code) as VoucherHash
    const data: Voucher = {
      proof,
      validForMs,
      maxDevices,
      label,
      createdAt: now,
      ...(sessionMs === undefined ? {} : { sessionMs }),
      ...(quotaBytes === undefined ? {} : { quotaBytes }),
      ...(wins === undefined ? {} : { wins }),
    }
    await access.put(SUBJECTS.voucher.of(id), {
      verdict: 'allow',
      reason: '',
      until: null,
      updatedAt: now,
      data: { ...data },
    })
    made.push({ id, code })
  }
  return made
}

/** A voucher, without its code. Times are ms since the epoch. */
export interface VoucherState {
  readonly id: string
  readonly label: string
  readonly state: 'unused' | 'in_use' | 'over' | 'revoked'
  readonly validForMs: number
  readonly maxDevices: number
  /** Devices that are online with it. */
  readonly devices: number
  readonly sessionMs: number | null
  readonly quotaBytes: number | null
  readonly wins: 'first' | 'newest'
  readonly createdAt: number
  readonly firstUsed: number | null
  readonly ends: number | null
}

/** Oldest first. */
export function listVouchers(access: AccessLog, now: number): VoucherState[] {
  const states: VoucherState[] = []
  for (const [id, entry] of SUBJECTS.voucher.entries(access, now)) {
    const voucher = SUBJECTS.voucher.dataOf(entry)
    if (voucher !== undefined) states.push(stateOf(access, id, voucher, entry.verdict, now))
  }
  return states.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
}

function stateOf(
  access: AccessLog,
  id: string,
  voucher: Voucher,
  verdict: AccessEntry['verdict'],
  now: number,
): VoucherState {
  const { validForMs, maxDevices, label, createdAt, sessionMs = null, quotaBytes = null, wins = 'first' } = voucher
  const { voucherStart } = SUBJECTS
  const firstUsed = voucherStart.dataOf(access.get(voucherStart.of(id), now))?.at ?? null
  const ends = firstUsed === null ? null : firstUsed + validForMs
  const devices = livingPlaces(access, voucherAccount(id), maxDevices, now).length
  const used = ends === null ? 'unused' : ends > now ? 'in_use' : 'over'
  const state = verdict === 'deny' ? 'revoked' : used
  return { id, label, state, validForMs, maxDevices, devices, sessionMs, quotaBytes, wins, createdAt, firstUsed, ends }
}

/**
 * Frees the places of a voucher's devices: their sessions are cut off at their next report.
 * @param device a MAC in the normal form; null: all of them
 * @returns how many sessions; null: there is no such voucher
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function releaseVoucher(
  access: AccessLog,
  id: string,
  device: string | null,
  now: number,
): Promise<number | null> {
  const voucher = SUBJECTS.voucher.dataOf(access.get(SUBJECTS.voucher.of(id), now))
  return voucher === undefined ? null : releasePlaces(access, voucherAccount(id), voucher.maxDevices, device, now)
}

/**
 * Revokes a voucher: further logins with it are refused, and its sessions are cut off at their next report.
 * @returns whether the voucher exists
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function revokeVoucher(access: AccessLog, id: string, reason: string, now: number): Promise<boolean> {
  const entry = access.get(SUBJECTS.voucher.of(id), now)
  if (entry?.data === undefined) return false
  const denied = { verdict: 'deny', reason, until: null, updatedAt: now } as const
  await access.put(SUBJECTS.voucher.of(id), { ...denied, data: entry.data })
  await access.put(SUBJECTS.account.of(voucherAccount(id)), denied)
  return true
}
