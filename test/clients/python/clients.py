"""
What analysts' programs in Python do, with clickhouse-connect and clickhouse-sqlalchemy themselves. Prints a line for each step.
Arguments: port, admin's password, and more, which it does not need.
"""

import sys
import threading
import time

import clickhouse_connect
import pandas
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData
from sqlalchemy import create_engine, inspect, text

PORT = int(sys.argv[1])
ADMIN_PASSWORD = sys.argv[2]


def step(name, work, expected=None):
    try:
        got = work()
        if expected is not None and got != expected:
            raise AssertionError(f"{got!r} is not {expected!r}")
        print(f"ok - {name}")
    except Exception as error:  # every failure is a line of its own
        print(f"not ok - {name}: {type(error).__name__}: {error}".replace("\n", " ")[:500])
    sys.stdout.flush()


def connect(**options):
    return clickhouse_connect.get_client(host="127.0.0.1", port=PORT, **options)


def refused(work):
    try:
        work()
    except DatabaseError as error:
        return str(error)
    raise AssertionError("was not refused")


client = connect()
step("query", lambda: client.query("SELECT count() FROM gatepost.readings").result_rows, [(10,)])
step("database", lambda: connect(database="gatepost").query("SELECT count() FROM readings").result_rows, [(10,)])
step("server-side parameters", lambda: client.query("SELECT {x:UInt32} + 1, {s:String}", parameters={"x": 3, "s": "it's\t\\"}).result_rows, [(4, "it's\t\\")])
step("lists as parameters", lambda: client.query("SELECT count() FROM gatepost.readings WHERE name IN {n:Array(String)}", parameters={"n": ["n1", "n'2"]}).result_rows, [(1,)])
step("client-side parameters", lambda: client.query("SELECT %(s)s", parameters={"s": "it's"}).result_rows, [("it's",)])


def stream(**options):
    with connect(**options).query_row_block_stream("SELECT number, toString(number) FROM numbers(2000000)") as blocks:
        return sum(len(block) for block in blocks)


for compression in (True, False, "lz4", "zstd", "gzip"):
    step(f"2 million rows, compress={compression}", lambda c=compression: stream(compress=c), 2_000_000)
step("pandas", lambda: list(client.query_df("SELECT number AS n, toString(number) AS s, toDateTime(0, 'UTC') AS t FROM numbers(3)").columns), ["n", "s", "t"])
step("Arrow", lambda: client.query_arrow("SELECT number AS n FROM numbers(3)").num_rows, 3)
step("NumPy", lambda: client.query_np("SELECT number AS n FROM numbers(3)").shape, (3, 1))
step("raw", lambda: client.raw_query("SELECT 1 FORMAT JSONEachRow"), b'{"1":1}\n')
step("command", lambda: client.command("SHOW TABLES FROM gatepost"), "readings")
step("settings of a query", lambda: client.query("SELECT 1", settings={"max_threads": 1, "max_result_rows": 100, "result_overflow_mode": "throw"}).result_rows, [(1,)])
step("a query id", lambda: client.query("SELECT 1", settings={"query_id": "of-python"}).query_id, "of-python")
step("an error", lambda: "UNKNOWN_TABLE" in refused(lambda: client.query("SELECT * FROM gatepost.nosuch")), True)
step("an error in the middle", lambda: refused(lambda: client.query("SELECT throwIf(number = 1500000, 'late'), toString(number) FROM numbers(2000000)")) != "", True)
step("no writing", lambda: "READONLY" in refused(lambda: client.command("DROP TABLE gatepost.readings")), True)


step("read rows", lambda: client.query("SELECT sum(id) FROM gatepost.readings").summary["read_rows"], "10")

# Each client has a session of its own.
step("temporary table", lambda: client.command("CREATE TEMPORARY TABLE picked (id UInt64, note Nullable(String))"))
step("insert into it", lambda: client.insert("picked", [[1, "a"], [3, None]], column_names=["id", "note"]).written_rows, 2)
step("join it", lambda: client.query("SELECT name, note FROM gatepost.readings JOIN picked USING (id) ORDER BY id").result_rows, [("n1", "a"), ("n3", None)])
step("it is of one client", lambda: "UNKNOWN_TABLE" in refused(lambda: connect().query("SELECT * FROM picked")), True)
step("SET", lambda: client.command("SET session_timezone = 'Asia/Tokyo'"))
step("what was set", lambda: client.command("SELECT toString(toDateTime(0))"), "1970-01-01 09:00:00")


def external(**options):
    data = ExternalData(file_name="sent.csv", data=b"1,one\n3,three\n", fmt="CSV", structure="id UInt64, n String")
    return connect(**options).query("SELECT name, n FROM gatepost.readings JOIN sent USING (id) WHERE n = {n:String}", parameters={"n": "three"}, external_data=data).result_rows


step("external data", external, [("n3", "three")])
step("external data, compressed", lambda: external(compress=True), [("n3", "three")])
step("parameters in a form", lambda: connect(form_encode_query_params=True).query("SELECT length({s:String})", parameters={"s": "x" * 100_000}).result_rows, [(100_000,)])


def cancelled():
    """A query in a thread, ended by its id."""
    endless = "SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 1"
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(refused(lambda: connect().query(endless, settings={"query_id": "endless"}))))
    thread.start()
    while thread.is_alive():
        client.command("KILL QUERY WHERE query_id = 'endless'")
        time.sleep(0.05)
    return "QUERY_WAS_CANCELLED" in outcome[0]


step("KILL QUERY", cancelled, True)

for compression in (True, False, "lz4", "gzip"):
    admin = connect(username="admin", password=ADMIN_PASSWORD, compress=compression)
    step(f"create, compress={compression}", lambda: admin.command("CREATE TABLE gatepost.of_python (a UInt32, b String, c Nullable(Float64)) ENGINE = MergeTree ORDER BY a"))
    step("insert", lambda: admin.insert("gatepost.of_python", [[1, "x", 1.5], [2, "it's", None]], column_names=["a", "b", "c"]).written_rows, 2)
    step("insert a data frame", lambda: admin.insert_df("gatepost.of_python", pandas.DataFrame({"a": range(100_000), "b": ["z"] * 100_000, "c": [0.5] * 100_000})).written_rows, 100_000)
    step("insert in columns", lambda: admin.insert("gatepost.of_python", [[7, 8], ["p", "q"], [None, None]], column_names=["a", "b", "c"], column_oriented=True).written_rows, 2)
    step("insert raw", lambda: admin.raw_insert("gatepost.of_python", ["a", "b"], "9,r\n10,s\n", fmt="CSV").written_rows, 2)
    step("read", lambda: admin.query("SELECT count(), sum(a), countIf(b = 'it\\'s') FROM gatepost.of_python").result_rows, [(100_006, 4_999_950_000 + 37, 1)])
    step("drop", lambda: admin.command("DROP TABLE gatepost.of_python"))

for url in (f"clickhousedb://127.0.0.1:{PORT}/gatepost", f"clickhouse+http://default:@127.0.0.1:{PORT}/gatepost"):
    dialect = url.split(":", maxsplit=1)[0]
    engine = create_engine(url)
    step(f"SQLAlchemy, {dialect}", lambda: engine.connect().execute(text("SELECT count() FROM readings")).fetchall()[0][0], 10)
    step(f"tables, {dialect}", lambda: inspect(engine).get_table_names(), ["readings"])
    step(f"columns, {dialect}", lambda: [column["name"] for column in inspect(engine).get_columns("readings")], ["id", "name"])
    step(f"schemas, {dialect}", lambda: "gatepost" in inspect(engine).get_schema_names(), True)
    step(f"views, {dialect}", lambda: inspect(engine).get_view_names(), [])
