import t from 'tap'
import { eachServer } from '../../store/server/test/each-server.ts'
import { storeViews } from '../../store/test/contract.ts'

eachServer((name, open) => storeViews(t, name, open))
