"""
What dbt does with a project of each kind of model, as admin, three times: anew, again, and from scratch. Prints a line for each step.
Arguments: port, admin's password, and more, which it does not need.
"""

import os
import sys
import tempfile
from pathlib import Path

PORT, ADMIN_PASSWORD = sys.argv[1:3]
os.environ |= {"GATEPOST_TEST_PORT": PORT, "GATEPOST_TEST_PASSWORD": ADMIN_PASSWORD, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

import clickhouse_connect
from dbt.cli.main import dbtRunner

PROJECT = str(Path(__file__).parent / "project")


def step(name, problem=None):
    print(f"ok - {name}" if not problem else f"not ok - {name}: {problem}".replace("\n", " ")[:500], flush=True)


def dbt(*arguments):
    """Each node is a step, and the whole, since a run that ends early has no nodes."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", scratch, "--log-path", scratch]
        outcome = dbtRunner().invoke([*arguments, "--quiet", *paths])
    command = " ".join(arguments)
    for result in getattr(outcome.result, "results", None) or []:
        if hasattr(result, "status"):
            step(f"{command}: {result.node.unique_id}", None if result.status in ("success", "pass") else result.message)
    step(command, None if outcome.success else outcome.exception or "failed")


client = clickhouse_connect.get_client(host="127.0.0.1", port=int(PORT), username="admin", password=ADMIN_PASSWORD, database="gatepost")


def contains(**rows):
    for table, expected in rows.items():
        got = client.query(f"SELECT * FROM {table}").row_count
        step(f"{table} has {expected} rows", None if got == expected else f"{got} rows")


dbt("build")
contains(by_table=10, by_view=1, appended=10, merged=10, places=2, places_snapshot=2)
client.command("INSERT INTO readings VALUES (10, 'n10')")
dbt("build")
contains(by_table=11, by_view=1, appended=21, merged=11, places=2, places_snapshot=2)
dbt("build", "--full-refresh")
contains(appended=11, merged=11)
dbt("docs", "generate")
