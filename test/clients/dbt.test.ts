import { packageFile } from '../../common/package-root.ts'
import { INSTALLED } from './installed.ts'
import { testClient } from './program.ts'

/* dbt, which makes tables and views of an analyst beside those of Gatepost. */
testClient({
  name: 'dbt',
  command: [`${INSTALLED}/dbt/bin/python`, '-u', packageFile('test/clients/dbt/clients.py')],
})
