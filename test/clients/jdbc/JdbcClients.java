import java.lang.reflect.Method;
import java.math.BigInteger;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

/**
 * What programs on JDBC do (Metabase, DBeaver, DataGrip), with ClickHouse's own driver. Prints a line for each step.
 * Arguments: port, admin's password, and what is tested: "server", or "serve", where VALUES may hold no expressions.
 */
public class JdbcClients {
    interface Work {
        Object run() throws Exception;
    }

    static String url;

    static void step(String name, Object expected, Work work) {
        try {
            Object got = work.run();
            if (expected != null && !expected.equals(got)) throw new AssertionError(got + " is not " + expected);
            System.out.println("ok - " + name);
        } catch (Throwable error) {
            Throwable cause = error;
            while (cause.getCause() != null) cause = cause.getCause();
            String text = error + (cause == error ? "" : " / " + cause);
            System.out.println("not ok - " + name + ": " + text.replace('\n', ' '));
        }
    }

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        for (int i = 0; i < options.length; i += 2) properties.put(options[i], options[i + 1]);
        return DriverManager.getConnection(url, properties);
    }

    static List<List<Object>> rows(ResultSet results) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        int width = results.getMetaData().getColumnCount();
        while (results.next()) {
            List<Object> row = new ArrayList<>();
            for (int i = 1; i <= width; i++) row.add(results.getObject(i));
            rows.add(row);
        }
        return rows;
    }

    static List<Object> column(ResultSet results, String name) throws SQLException {
        List<Object> values = new ArrayList<>();
        while (results.next()) values.add(results.getObject(name));
        return values;
    }

    static SQLException refused(Work work) throws Exception {
        try {
            work.run();
        } catch (SQLException error) {
            return error;
        }
        throw new AssertionError("was not refused");
    }

    static int count(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet results = statement.executeQuery(sql)) {
            int count = 0;
            while (results.next()) count++;
            return count;
        }
    }

    /** Every getter of the metadata that takes nothing, and those that browsers of databases call. */
    static void metadata(Connection connection) throws Exception {
        DatabaseMetaData data = connection.getMetaData();
        List<String> failed = new ArrayList<>();
        for (Method method : DatabaseMetaData.class.getMethods()) {
            if (method.getParameterCount() > 0) continue;
            try {
                Object value = method.invoke(data);
                if (value instanceof ResultSet results) rows(results);
            } catch (Exception error) {
                Throwable cause = error.getCause() == null ? error : error.getCause();
                if (!(cause instanceof SQLFeatureNotSupportedException)) failed.add(method.getName() + ": " + cause);
            }
        }
        if (!failed.isEmpty()) throw new AssertionError(failed.toString());
    }

    /** What Metabase's driver sets on each connection. */
    static final String[] METABASE = {
        "use_server_time_zone_for_dates", "true", "product_name", "metabase/test", "remember_last_set_roles", "true", "http_connection_provider", "HTTP_URL_CONNECTION",
        "jdbc_ignore_unsupported_values", "true", "jdbc_schema_term", "schema", "clickhouse_setting_select_sequential_consistency", "1", "max_open_connections", "100", "custom_http_params", ""};

    static List<List<Object>> ask(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement prepared = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) prepared.setObject(i + 1, parameters[i]);
            return rows(prepared.executeQuery());
        }
    }

    static void same(Object got, Object expected) {
        if (!String.valueOf(expected).equals(String.valueOf(got))) throw new AssertionError(got + " is not " + expected);
    }

    /** The statements by which Metabase connects, reads the schema and asks, as its driver writes them. */
    static void metabase(Connection connection) throws SQLException {
        same(ask(connection, "SELECT timezone() AS tz").size(), 1);
        same(ask(connection, "WITH s AS (SELECT version() AS ver, splitByChar('.', ver) AS verSplit) SELECT s.ver, toInt32(verSplit[1]), toInt32(verSplit[2]) FROM s").size(), 1);
        same(ask(connection, "SELECT value='1' FROM system.settings WHERE name='cloud_mode'"), "[[0]]");
        same(ask(connection, "SELECT count() = 0 FROM system.clusters WHERE is_local = 0"), "[[1]]");
        same(ask(connection, "SELECT count(*) > 0 FROM system.databases WHERE name = ?", "gatepost"), "[[1]]");
        String[] types = {"TABLE", "VIEW", "FOREIGN TABLE", "REMOTE TABLE", "DICTIONARY", "MATERIALIZED VIEW", "MEMORY TABLE", "LOG TABLE"};
        same(column(connection.getMetaData().getTables(null, "%", "%", types), "TABLE_NAME").contains("readings"), true);
        same(column(connection.getMetaData().getColumns(null, "gatepost", "readings", null), "COLUMN_NAME"), "[id, name]");
        ask(connection, "-- Metabase\nSELECT `gatepost`.`readings`.`id` AS `id`, substring(toString(`gatepost`.`readings`.`name`), 1, 1234) AS `substring1` FROM `gatepost`.`readings` LIMIT 10000");
        same(ask(connection, "-- Metabase:: userID: 1 queryType: MBQL queryHash: 0a\nSELECT toStartOfDay(toTimeZone(toDateTime(`source`.`id`, 'UTC'), 'Europe/Berlin')) AS `at`, count(*) AS `count`, stddevPop(`source`.`id`) AS `s`, median(`source`.`id`) AS `m`, quantile(0.9)(`source`.`id`) AS `q`, sum(CASE WHEN `source`.`name` = 'n1' THEN 1 ELSE 0 END) AS `w` FROM (SELECT * FROM `gatepost`.`readings` WHERE startsWithUTF8(`gatepost`.`readings`.`name`, ?) AND positionCaseInsensitiveUTF8(`gatepost`.`readings`.`name`, 'N') > 0) AS `source` WHERE toDateTime(`source`.`id`) < now64(9, 'Europe/Berlin') + INTERVAL -1 day GROUP BY `at` ORDER BY `at` ASC LIMIT 1048575", "n").size(), 1);
        ask(connection, "SELECT toMonday(parseDateTimeBestEffort('2026-11-29 10:00:00.000', 'UTC')), age('day', toDate('2026-01-01'), today()), CAST(1.5 AS TEXT), toISOWeek(now()), toDayOfWeek(now())");
    }

    /** The statements by which DBeaver opens a connection and shows a table. */
    static void dbeaver(Connection connection) throws SQLException {
        same(ask(connection, "SELECT VERSION()").size(), 1);
        same(ask(connection, "SELECT name FROM system.table_engines WHERE name = 'MergeTree'"), "[[MergeTree]]");
        same(ask(connection, "SHOW DATABASES"), "[[gatepost]]");
        same(ask(connection, "SELECT name as TABLE_NAME, engine as TABLE_TYPE, database as TABLE_SCHEM,comment as REMARKS, * FROM system.tables\nWHERE database = ? and name=?", "gatepost", "readings").size(), 1);
        same(ask(connection, "select sum(rows) as table_rows, sum(bytes) > 0, max(modification_time) > toDateTime(0), min(min_date) AS min_date, any(engine) as engine\nFROM system.parts\nWHERE database=? AND table=?\nGROUP BY table", "gatepost", "readings"), "[[10, 1, 1, 1970-01-01, MergeTree]]");
        same(ask(connection, "SHOW CREATE TABLE gatepost.readings").size(), 1);
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET readonly=1");
        }
        same(ask(connection, "SELECT count() FROM gatepost.readings"), "[[10]]");
    }

    public static void main(String[] arguments) throws Exception {
        url = "jdbc:clickhouse://127.0.0.1:" + arguments[0] + "/gatepost";
        String[] admin = {"user", "admin", "password", arguments[1]};
        try (Connection connection = connect()) {
            reading(connection);
        }
        step("Metabase", null, () -> {
            try (Connection connection = connect(METABASE)) {
                metabase(connection);
            }
            return null;
        });
        step("DBeaver", null, () -> {
            try (Connection connection = connect("clickhouse_setting_session_id", "sess_" + UUID.randomUUID(), "use_time_zone", "Europe/Berlin", "ignore_unknown_config_key", "true")) {
                dbeaver(connection);
            }
            return null;
        });
        for (String compress : new String[] {"true", "false"})
            step("2 million rows, compress=" + compress, 2_000_000, () -> {
                try (Connection connection = connect("compress", compress)) {
                    return count(connection, "SELECT number, toString(number) AS text FROM numbers(2000000)");
                }
            });
        try (Connection connection = connect(admin)) {
            if (arguments[2].equals("server")) writing(connection);
            else step("expressions in VALUES are refused", true, () -> refused(() -> {
                connection.createStatement().executeUpdate("CREATE TABLE written (id UInt64) ENGINE = MergeTree ORDER BY id");
                return connection.createStatement().executeUpdate("INSERT INTO written VALUES (1 + 1)");
            }).getMessage().contains("SUPPORT_IS_DISABLED"));
        }
        step("a wrong password", true, () -> {
            SQLException error = refused(() -> {
                try (Connection connection = connect("user", "admin", "password", "wrong")) {
                    return count(connection, "SELECT 1");
                }
            });
            return error.toString().contains("516") || error.toString().contains("uthentication");
        });
    }

    static void reading(Connection connection) throws Exception {
        Statement statement = connection.createStatement();
        step("query", List.of(List.of(BigInteger.TEN)), () -> rows(statement.executeQuery("SELECT count() FROM readings")));
        step("qualified names", List.of(List.of("n1")), () -> rows(statement.executeQuery("SELECT r.name FROM gatepost.readings AS r WHERE r.id = 1")));
        step("prepared statement", List.of(List.of(3L, "it's\t\\")), () -> {
            try (PreparedStatement prepared = connection.prepareStatement("SELECT toInt64(?), ?")) {
                prepared.setLong(1, 3);
                prepared.setString(2, "it's\t\\");
                return rows(prepared.executeQuery());
            }
        });
        step("prepared statement, used again", List.of(1, 1, 0), () -> {
            try (PreparedStatement prepared = connection.prepareStatement("SELECT name FROM readings WHERE name = ? AND id < ?")) {
                List<Object> counts = new ArrayList<>();
                for (String name : new String[] {"n1", "n2", "n99"}) {
                    prepared.setString(1, name);
                    prepared.setInt(2, 5);
                    counts.add(rows(prepared.executeQuery()).size());
                }
                return counts;
            }
        });
        step("types", null, () -> {
            ResultSet results = statement.executeQuery(
                "SELECT toUInt64(18446744073709551615) AS u, toDecimal64(1.5, 2) AS d, toDateTime('2026-01-02 03:04:05', 'UTC') AS t,"
                    + " toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS t3, toDate('2026-01-02') AS day, CAST(NULL AS Nullable(String)) AS n,"
                    + " [1, 2] AS a, map('k', 'v') AS m, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS id, toIPv4('1.2.3.4') AS v4,"
                    + " toIPv6('::1') AS v6, CAST('a' AS Enum8('a' = 1)) AS e, CAST('x' AS LowCardinality(String)) AS low, true AS b, 1.5 AS f");
            if (!results.next()) throw new AssertionError("no row");
            ResultSetMetaData data = results.getMetaData();
            for (int i = 1; i <= data.getColumnCount(); i++) {
                results.getObject(i);
                results.getString(i);
                data.getColumnTypeName(i);
                data.getColumnClassName(i);
            }
            if (!results.getTimestamp("t3", Calendar.getInstance(TimeZone.getTimeZone("UTC"))).toInstant().toString().equals("2026-01-02T03:04:05.678Z")) throw new AssertionError(results.getTimestamp("t3").toInstant());
            return null;
        });
        step("metadata of the connection", null, () -> {
            metadata(connection);
            return null;
        });
        DatabaseMetaData data = connection.getMetaData();
        step("getSchemas", true, () -> column(data.getSchemas(), "TABLE_SCHEM").contains("gatepost"));
        step("getTables", List.of("readings"), () -> column(data.getTables(null, "gatepost", "%", null), "TABLE_NAME"));
        step("getTables by type", List.of("readings"), () -> column(data.getTables(null, "gatepost", "read%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME"));
        step("getColumns", List.of("id", "name"), () -> column(data.getColumns(null, "gatepost", "readings", "%"), "COLUMN_NAME"));
        step("getPrimaryKeys", List.of("id"), () -> column(data.getPrimaryKeys(null, "gatepost", "readings"), "COLUMN_NAME"));
        step("getIndexInfo", null, () -> rows(data.getIndexInfo(null, "gatepost", "readings", false, true)));
        step("getImportedKeys, getExportedKeys", null, () -> {
            rows(data.getImportedKeys(null, "gatepost", "readings"));
            return rows(data.getExportedKeys(null, "gatepost", "readings"));
        });
        step("getFunctions", true, () -> column(data.getFunctions(null, null, "toStartOf%"), "FUNCTION_NAME").contains("toStartOfHour"));
        step("getProcedures", null, () -> rows(data.getProcedures(null, null, "%")));
        step("getTypeInfo", true, () -> column(data.getTypeInfo(), "TYPE_NAME").contains("UInt64"));
        step("metadata of a statement before it runs", List.of("id", "name"), () -> {
            try (PreparedStatement prepared = connection.prepareStatement("SELECT id, name FROM readings WHERE id = ?")) {
                ResultSetMetaData columns = prepared.getMetaData();
                return List.of(columns.getColumnLabel(1), columns.getColumnLabel(2));
            }
        });
        step("setMaxRows", 3, () -> {
            try (Statement limited = connection.createStatement()) {
                limited.setMaxRows(3);
                return rows(limited.executeQuery("SELECT * FROM readings")).size();
            }
        });
        step("isValid", true, () -> connection.isValid(5));
        step("error in SQL", true, () -> refused(() -> statement.executeQuery("SELECT no_such_column FROM readings")).getMessage().contains("UNKNOWN_IDENTIFIER"));
        step("a reader cannot write", true, () -> refused(() -> statement.executeUpdate("INSERT INTO readings VALUES (11, 'x')")).getMessage().contains("READONLY"));
        step("cancel", true, () -> {
            try (Statement endless = connection.createStatement()) {
                ExecutorService other = Executors.newSingleThreadExecutor();
                try {
                    Future<Boolean> ended = other.submit(() -> {
                        refused(() -> endless.executeQuery("SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 2"));
                        return true;
                    });
                    while (!ended.isDone()) {
                        Thread.sleep(300);
                        endless.cancel();
                    }
                    return ended.get();
                } finally {
                    other.shutdownNow();
                }
            }
        });
    }

    static void writing(Connection connection) throws Exception {
        Statement statement = connection.createStatement();
        step("create", null, () -> statement.executeUpdate("CREATE TABLE written (id UInt64, name String, at DateTime) ENGINE = MergeTree ORDER BY id"));
        step("insert", null, () -> statement.executeUpdate("INSERT INTO written VALUES (1, 'one', now())"));
        step("batch of prepared inserts", 1000, () -> {
            try (PreparedStatement prepared = connection.prepareStatement("INSERT INTO written (id, name, at) VALUES (?, ?, ?)")) {
                for (int i = 2; i <= 1001; i++) {
                    prepared.setInt(1, i);
                    prepared.setString(2, "it's " + i);
                    prepared.setTimestamp(3, new Timestamp(1_800_000_000_000L));
                    prepared.addBatch();
                }
                return prepared.executeBatch().length;
            }
        });
        step("everything is there", 1001, () -> count(connection, "SELECT id FROM written"));
        step("drop", null, () -> statement.executeUpdate("DROP TABLE written"));
    }
}
