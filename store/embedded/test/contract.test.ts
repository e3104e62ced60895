import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { storeContract } from '../../test/contract.ts'
import { openEmbeddedStore } from '../open.ts'

storeContract(t, 'embedded', (t) =>
  openEmbeddedStore({ path: t.testdir() + '/store', logger: createLogger('contract-test') }),
)
