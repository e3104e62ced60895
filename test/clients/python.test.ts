import { packageFile } from '../../common/package-root.ts'
import { INSTALLED } from './installed.ts'
import { testClient } from './program.ts'

/*
 * Analysts' programs in Python: clickhouse-connect, which Superset, dbt and Airflow use, with pandas and Arrow, and SQLAlchemy's two
 * dialects.
 */
testClient({
  name: 'python',
  command: [`${INSTALLED}/python/bin/python`, '-u', packageFile('test/clients/python/clients.py')],
})
