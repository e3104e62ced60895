import { packageFile } from '../../common/package-root.ts'
import { CLIENTS } from '../suite/files.ts'
import { testClient } from './program.ts'

/*
 * Analysts' programs in Python: clickhouse-connect, which Superset, dbt and Airflow use, with pandas and Arrow, and SQLAlchemy's two
 * dialects.
 */
testClient({
  name: 'python',
  command: [`${CLIENTS}/python/bin/python`, '-u', packageFile('test/clients/python/clients.py')],
})
