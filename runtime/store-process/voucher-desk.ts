import type { AccessLog } from '../../access/log.ts'
import { createVouchers, listVouchers, releaseVoucher } from '../../access/vouchers.ts'
import type { Logger } from '../../common/logger.ts'
import type { VoucherDesk } from '../../reporter/dashboard/options.ts'
import type { AccessDescription } from '../messages.ts'
import { openKnownAccess } from '../open-access.ts'

/** What the dashboard does with vouchers. The access log is opened for each of it, one after the other. */
export function voucherDesk(description: AccessDescription, secret: string, logger: Logger): VoucherDesk {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: (access: AccessLog) => Promise<T>): Promise<T> => {
    const mine = last.then(() => withAccess(description, logger, work))
    last = mine.catch(() => {})
    return mine
  }
  return {
    create: (order) => inTurn((access) => createVouchers(access, secret, order)),
    list: () => inTurn((access) => Promise.resolve(listVouchers(access, Date.now()))),
    release: (id) => inTurn((access) => releaseVoucher(access, id, null, Date.now())),
  }
}

async function withAccess<T>(
  description: AccessDescription,
  logger: Logger,
  work: (access: AccessLog) => Promise<T>,
): Promise<T> {
  const access = await openKnownAccess(description, logger)
  try {
    return await work(access)
  } finally {
    await access.close()
  }
}
