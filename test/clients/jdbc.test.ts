import { delimiter } from 'node:path'
import { INSTALLED } from './installed.ts'
import { testClient } from './program.ts'

/* Programs on JDBC, such as Metabase, DBeaver and DataGrip. */
const classes = [`${INSTALLED}/jdbc/classes`, `${INSTALLED}/jdbc/lib/*`].join(delimiter)
testClient({ name: 'jdbc', command: ['java', '-cp', classes, 'JdbcClients'] })
