import t from 'tap'
import { storeContract } from '../../test/contract.ts'
import { eachServer } from './each-server.ts'

/* The view of gateways, whose SQL is that of the embedded store, is in test/installations/server-views.test.ts. */

eachServer((name, open) => storeContract(t, name, open))
