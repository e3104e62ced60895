import { delimiter } from 'node:path'
import { CLIENTS } from '../suite/files.ts'
import { testClient } from './program.ts'

/* Programs on JDBC, such as Metabase, DBeaver and DataGrip. */
const classes = [`${CLIENTS}/jdbc/classes`, `${CLIENTS}/jdbc/lib/*`].join(delimiter)
testClient({ name: 'jdbc', command: ['java', '-cp', classes, 'JdbcClients'] })
