import t, { type Test } from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { storeContract, storeViews } from '../../test/contract.ts'
import { openEmbeddedStore } from '../open.ts'

const open = (t: Test) => openEmbeddedStore({ path: t.testdir() + '/store', logger: createLogger('contract-test') })

storeContract(t, 'embedded', open)
storeViews(t, 'embedded', open)
