package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// What programs in Go do (Grafana's plugin), with ClickHouse's own driver over HTTP. Prints a line for each step.
// Arguments: port, admin's password, and more, which it does not need.

func step(name string, expected any, work func() (any, error)) {
	got, err := work()
	switch {
	case err != nil:
		fmt.Printf("not ok - %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
	case expected != nil && !reflect.DeepEqual(got, expected):
		fmt.Printf("not ok - %s: %v is not %v\n", name, got, expected)
	default:
		fmt.Printf("ok - %s\n", name)
	}
}

// What Grafana's plugin asks for its editor, its filters and its macros (version 4.20): each has to be answered.
var grafana = []string{
	"SELECT version()",
	"SHOW DATABASES",
	"SHOW TABLES",
	`SHOW TABLES FROM "gatepost"`,
	`DESC TABLE "gatepost"."readings"`,
	"SELECT database, name FROM system.tables ORDER BY database, name",
	"SELECT database, table, name, type, comment FROM system.columns WHERE (database, table) IN (('gatepost', 'readings')) OR (database = currentDatabase() AND table IN ('readings')) ORDER BY database, table, position",
	"SELECT name, type, table FROM system.columns",
	"SELECT name, type, table FROM system.columns WHERE database IN ('gatepost') AND table = 'readings'",
	"SELECT name, is_aggregate, case_insensitive, alias_to, origin, description, syntax, arguments, returned_value, examples, categories FROM system.functions LIMIT 10000",
	`SELECT DISTINCT "name" FROM "gatepost"."readings" WHERE "name" IS NOT NULL LIMIT 1000`,
	"SELECT DISTINCT name FROM gatepost.readings SETTINGS max_execution_time=10",
	`SELECT DISTINCT arrayJoin(mapKeys("m")) as keys FROM (SELECT map(name, id) AS "m" FROM "gatepost"."readings" LIMIT 1000) LIMIT 1000`,
	"SELECT value FROM system.settings WHERE name='readonly'",
	"SELECT name FROM readings settings additional_table_filters={'readings' : ' name = \\'n1\\' '}",
	"SELECT name FROM readings SETTINGS additional_table_filters={}",
	"SELECT toStartOfInterval(toDateTime(id), INTERVAL 60 second) AS time, count() FROM readings WHERE toDateTime(id) >= toDateTime(0) AND toDateTime(id) <= toDateTime(1795000000) GROUP BY time ORDER BY time",
	"SELECT toStartOfInterval(toDateTime64(toDateTime(id), 3), INTERVAL 500 millisecond) AS time, count() FROM readings WHERE toDateTime64(id, 3) >= fromUnixTimestamp64Milli(0) GROUP BY time",
	"SELECT count() FROM readings WHERE (toDate(id) >= toDate('1970-01-01') AND toDate(id) <= toDate('2026-11-29'))",
}

func open(user, password string, method clickhouse.CompressionMethod) *sql.DB {
	options := &clickhouse.Options{
		Addr:     []string{"127.0.0.1:" + os.Args[1]},
		Auth:     clickhouse.Auth{Database: "gatepost", Username: user, Password: password},
		Protocol: clickhouse.HTTP,
	}
	if method != clickhouse.CompressionNone {
		options.Compression = &clickhouse.Compression{Method: method}
	}
	return clickhouse.OpenDB(options)
}

func one[T any](db *sql.DB, query string, arguments ...any) (any, error) {
	var value T
	err := db.QueryRow(query, arguments...).Scan(&value)
	return value, err
}

func names(db *sql.DB, query string, arguments ...any) (any, error) {
	rows, err := db.Query(query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := []string{}
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

func count(db *sql.DB, query string) (any, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var n int
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}

func failsWith(text string, err error) (any, error) {
	if err == nil {
		return nil, errors.New("was not refused")
	}
	if !strings.Contains(err.Error(), text) {
		return nil, err
	}
	return nil, nil
}

func main() {
	db := open("default", "", clickhouse.CompressionNone)
	step("ping", nil, func() (any, error) { return nil, db.Ping() })
	step("query", uint64(10), func() (any, error) { return one[uint64](db, "SELECT count() FROM readings") })
	step("positional parameters", "n3", func() (any, error) { return one[string](db, "SELECT name FROM readings WHERE id = ?", 3) })
	step("named parameters", "it's", func() (any, error) { return one[string](db, "SELECT {text:String}", clickhouse.Named("text", "it's")) })
	step("lists", []string{"n1", "n2"}, func() (any, error) {
		return names(db, "SELECT name FROM readings WHERE name IN (?) ORDER BY name", []string{"n1", "n2"})
	})
	step("tables", []string{"readings"}, func() (any, error) {
		return names(db, "SELECT name FROM system.tables WHERE database = ?", "gatepost")
	})
	step("columns", []string{"id", "name"}, func() (any, error) {
		return names(db, "SELECT name FROM system.columns WHERE database = 'gatepost' AND table = 'readings' ORDER BY position")
	})
	step("types", nil, func() (any, error) {
		rows, err := db.Query("SELECT toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC'), CAST(NULL AS Nullable(String)), [1, 2], map('k', 'v'), toIPv6('::1'), toDecimal64(1.5, 2), toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), CAST('x' AS LowCardinality(String))")
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		columns, err := rows.ColumnTypes()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = reflect.New(columns[i].ScanType()).Interface()
			}
			if err := rows.Scan(values...); err != nil {
				return nil, err
			}
		}
		return nil, rows.Err()
	})
	for name, method := range map[string]clickhouse.CompressionMethod{"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP, "br": clickhouse.CompressionBrotli, "deflate": clickhouse.CompressionDeflate} {
		step("2 million rows, "+name, 2_000_000, func() (any, error) {
			return count(open("default", "", method), "SELECT number, toString(number) FROM numbers(2000000)")
		})
	}
	for _, query := range grafana {
		step("Grafana: "+query, nil, func() (any, error) { return count(open("default", "", clickhouse.CompressionGZIP), query) })
	}
	step("Grafana's limit of rows", 3, func() (any, error) {
		limited := clickhouse.OpenDB(&clickhouse.Options{
			Addr: []string{"127.0.0.1:" + os.Args[1]}, Auth: clickhouse.Auth{Database: "gatepost"}, Protocol: clickhouse.HTTP, Settings: clickhouse.Settings{"limit": 3},
		})
		return count(limited, "SELECT name FROM readings")
	})
	step("an error", nil, func() (any, error) {
		_, err := count(db, "SELECT no_such_column FROM readings")
		return failsWith("UNKNOWN_IDENTIFIER", err)
	})
	step("an error in the middle", nil, func() (any, error) {
		_, err := count(db, "SELECT throwIf(number = 1500000, 'late'), toString(number) FROM numbers(2000000)")
		return failsWith("", err)
	})
	step("settings of a query", nil, func() (any, error) {
		ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1, "max_result_rows": 100}))
		var n uint8
		return nil, db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
	})
	step("cancel by a context", nil, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		var n uint64
		return failsWith("", db.QueryRowContext(ctx, "SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 1").Scan(&n))
	})
	step("no writing", nil, func() (any, error) {
		_, err := db.Exec("DROP TABLE readings")
		return failsWith("READONLY", err)
	})
	step("a wrong password", nil, func() (any, error) {
		return failsWith("516", open("admin", "wrong", clickhouse.CompressionNone).Ping())
	})
	for name, method := range map[string]clickhouse.CompressionMethod{"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "gzip": clickhouse.CompressionGZIP} {
		admin := open("admin", os.Args[2], method)
		step("create, "+name, nil, func() (any, error) {
			return admin.Exec("CREATE TABLE written (id UInt64, name String, at DateTime64(3)) ENGINE = MergeTree ORDER BY id")
		})
		step("insert a batch, "+name, nil, func() (any, error) {
			tx, err := admin.Begin()
			if err != nil {
				return nil, err
			}
			batch, err := tx.Prepare("INSERT INTO written")
			if err != nil {
				return nil, err
			}
			for i := range 1000 {
				if _, err := batch.Exec(uint64(i), "it's", time.UnixMilli(1_800_000_000_123)); err != nil {
					return nil, err
				}
			}
			return nil, tx.Commit()
		})
		step("everything is there, "+name, uint64(1000), func() (any, error) { return one[uint64](admin, "SELECT count() FROM written") })
		step("drop, "+name, nil, func() (any, error) { return admin.Exec("DROP TABLE written") })
	}
}
