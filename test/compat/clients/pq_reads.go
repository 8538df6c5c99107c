// Creates a table by Go's lib/pq, prints everything it reads, a line a step, and drops the table.
// The test that starts it says where and what (test/compat/support/driven.ts).
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"
)

const repeats = 4

func show(step string, values ...any) {
	fmt.Print(step, ":")
	for _, value := range values {
		fmt.Printf(" %v", readable(value))
	}
	fmt.Println()
}

func readable(value any) any {
	switch value := value.(type) {
	case []byte:
		return fmt.Sprintf("%q", value)
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	case []any:
		for i := range value {
			value[i] = readable(value[i])
		}
	}
	return value
}

// fail shows an error as Postgres said it.
func fail(step string, err error) {
	var said *pq.Error
	if errors.As(err, &said) {
		show(step, said.Severity, said.Code, said.Message, said.Hint, said.Position, said.Where)
	} else {
		show(step, err)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type asker interface {
	Query(text string, parameters ...any) (*sql.Rows, error)
}

// rows reads all that a statement gives, of all its results.
func rows(db asker, text string, parameters ...any) ([]any, error) {
	found, err := db.Query(text, parameters...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	return drained(found)
}

func drained(found *sql.Rows) ([]any, error) {
	all := []any{}
	for more := true; more; more = found.NextResultSet() {
		columns, err := found.Columns()
		if err != nil {
			return nil, err
		}
		for found.Next() {
			row := make([]any, len(columns))
			targets := make([]any, len(columns))
			for i := range row {
				targets[i] = &row[i]
			}
			if err := found.Scan(targets...); err != nil {
				return nil, err
			}
			all = append(all, readable(row))
		}
	}
	return all, found.Err()
}

func attempt(db asker, step, text string, parameters ...any) {
	found, err := rows(db, text, parameters...)
	if err != nil {
		fail(step, err)
	} else {
		show(step, found)
	}
}

// route shows where the session's last SELECT was answered.
func route(db asker, step string) {
	if os.Getenv("SHOWS_ROUTE") != "1" {
		return
	}
	found, err := rows(db, "SHOW jetgres.last_route")
	must(err)
	fmt.Printf("route %s: %s\n", step, strings.Trim(fmt.Sprint(found), "[]\""))
}

func connected(more string) *sql.DB {
	db, err := sql.Open("postgres", "sslmode=disable "+more)
	must(err)
	db.SetMaxOpenConns(1)
	return db
}

func connects() {
	given := connected("application_name=go options='-c DateStyle=German'")
	defer given.Close()
	for _, name := range []string{"application_name", "DateStyle", "extra_float_digits"} {
		attempt(given, name, "SHOW "+name)
	}
	fail("no such database", connected("dbname=nowhere").Ping())
}

func reads(db *sql.DB) {
	found, err := db.Query("SELECT * FROM driven ORDER BY id")
	must(err)
	types, err := found.ColumnTypes()
	must(err)
	for _, column := range types {
		length, _ := column.Length()
		precision, scale, _ := column.DecimalSize()
		show(column.Name(), column.DatabaseTypeName(), column.ScanType(), length, precision, scale)
	}
	all, err := drained(found)
	must(err)
	show("rows", all)
	found.Close()
	attempt(db, "several", "SELECT 1; SELECT count(*) FROM driven; SELECT max(label) FROM driven")
	attempt(db, "none", "SELECT * FROM driven WHERE false")
	attempt(db, "aggregates", "SELECT count(*), sum(amount), min(at), avg(id) FROM driven")
	var tags, ints, flags = pq.StringArray{}, pq.Int64Array{}, pq.BoolArray{}
	third := db.QueryRow("SELECT '{a}'::text[], ints[1:2], flags FROM driven WHERE id = 3")
	must(third.Scan(&tags, &ints, &flags))
	show("arrays", tags, ints, flags)
}

func parameters(db *sql.DB) {
	at := time.Date(2024, 1, 1, 0, 0, 2, 0, time.UTC)
	conditions := []struct {
		text  string
		value any
	}{
		{"id = $1", 3}, {"big = $1", int64(9007199254740993)}, {"amount = $1", "1.25"}, {"ratio = $1", 1.0},
		{"ok = $1", true}, {"label = $1", "row 7"}, {"note = $1", "Grüße €😀"},
		{"bytes = $1", []byte("\x00\xff'")}, {"at < $1", at},
		{"key = $1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"id = ANY($1)", pq.Array([]int{1, 4, 99})},
		{"tags @> $1", pq.Array([]string{"x"})}, {"note IS NOT DISTINCT FROM $1", nil},
	}
	for _, condition := range conditions {
		attempt(db, condition.text, "SELECT id FROM driven WHERE "+condition.text+" ORDER BY id", condition.value)
	}
	route(db, "by parameter")
	attempt(db, "bad value", "SELECT id FROM driven WHERE id = $1", "x")
	prepared, err := db.Prepare("SELECT label, at FROM driven WHERE id = $1")
	must(err)
	for i := 0; i < repeats; i++ {
		var label string
		var at time.Time
		must(prepared.QueryRow(i).Scan(&label, &at))
		show("prepared", label, at)
	}
	must(prepared.Close())
}

func transactions(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	attempt(tx, "in", "SELECT count(*) FROM driven")
	_, err = tx.Exec("SAVEPOINT here")
	must(err)
	attempt(tx, "division", "SELECT 1/(id - 2) FROM driven ORDER BY id")
	attempt(tx, "failed", "SELECT count(*) FROM driven")
	_, err = tx.Exec("ROLLBACK TO here; DECLARE c CURSOR FOR SELECT id FROM driven ORDER BY id")
	must(err)
	attempt(tx, "fetched", "FETCH 4 FROM c")
	attempt(tx, "beside", "SELECT label FROM driven WHERE id = $1", 8)
	must(tx.Commit())
	levels := []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
	for _, level := range levels {
		tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: level, ReadOnly: true})
		must(err)
		attempt(tx, level.String(), "SELECT count(*), current_setting('transaction_isolation') FROM driven")
		must(tx.Rollback())
	}
	for _, wrong := range []string{"nope FROM driven", "* FROM driven WHERE", "label::int FROM driven", "FROM nowhere"} {
		text := "SELECT " + wrong
		attempt(db, text, text)
		attempt(db, text, text+" -- $1", 1)
	}
}

func copies(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	_, err = tx.Exec("CREATE TEMP TABLE own (a int, b text)")
	must(err)
	in, err := tx.Prepare(pq.CopyIn("own", "a", "b"))
	must(err)
	for _, a := range []int{1, 8} {
		_, err = in.Exec(a, fmt.Sprintf("own\t%d", a))
		must(err)
	}
	done, err := in.Exec()
	must(err)
	count, err := done.RowsAffected()
	show("copied", count, err)
	must(in.Close())
	attempt(tx, "joined", "SELECT a, b, label FROM own JOIN driven ON id = a ORDER BY a")
	done, err = tx.Exec("INSERT INTO own SELECT id, label FROM driven WHERE id < $1", 3)
	must(err)
	count, err = done.RowsAffected()
	show("inserted", count, err)
	must(tx.Rollback())
}

// untilRunning waits until the backend is at a statement to be cancelled.
func untilRunning(pid int) {
	watch := connected("")
	defer watch.Close()
	running := strings.Replace(os.Getenv("DRIVEN_RUNNING"), "PID", fmt.Sprint(pid), 1)
	for deadline, count := time.Now().Add(30*time.Second), 0; count == 0; {
		must(watch.QueryRow(running).Scan(&count))
		if time.Now().After(deadline) {
			panic("the statement did not come")
		}
	}
}

func cancels(db *sql.DB) {
	var tables, ids []string
	for i := 0; i < 14; i++ {
		tables = append(tables, fmt.Sprintf("driven d%d", i))
		ids = append(ids, fmt.Sprintf("d%d.id", i))
	}
	endless := "SELECT count(*) FROM " + strings.Join(tables, ", ") +
		" WHERE " + strings.Join(ids, " + ") + " < 0"
	for _, text := range []string{"SELECT pg_sleep(60)", endless} {
		until, stop := context.WithCancel(context.Background())
		one, err := db.Conn(until)
		must(err)
		var pid int
		must(one.QueryRowContext(until, "SELECT pg_backend_pid()").Scan(&pid))
		go func() {
			untilRunning(pid)
			stop()
		}()
		var found any
		fail("cancelled", one.QueryRowContext(until, text).Scan(&found))
		one.Close()
		attempt(db, "afterwards", "SELECT count(*) FROM driven")
	}
	_, err := db.Exec("SET statement_timeout = 200")
	must(err)
	attempt(db, "out of time", endless)
	_, err = db.Exec("RESET ALL")
	must(err)
}

func notifications(db *sql.DB) {
	listener := pq.NewListener("sslmode=disable", time.Second, time.Second, nil)
	defer listener.Close()
	must(listener.Listen("told"))
	_, err := db.Exec("NOTIFY told, 'word'")
	must(err)
	select {
	case heard := <-listener.Notify:
		show("heard", heard.Channel, heard.Extra)
	case <-time.After(10 * time.Second):
		show("heard nothing")
	}
	must(listener.Ping())
}

func main() {
	connects()
	db := connected("")
	_, err := db.Exec(os.Getenv("DRIVEN_DDL"))
	must(err)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var count string
		must(db.QueryRow("SELECT count(*) FROM driven").Scan(&count))
		if count == os.Getenv("DRIVEN_ROWS") {
			break
		}
		if time.Now().After(deadline) {
			panic("the rows did not come")
		}
	}
	for _, part := range []func(*sql.DB){reads, parameters, transactions, copies, cancels, notifications} {
		part(db)
	}
	binary := connected("binary_parameters=yes")
	reads(binary)
	parameters(binary)
	must(binary.Close())
	_, err = db.Exec("DROP TABLE driven")
	must(err)
	attempt(db, "gone", "SELECT FROM driven")
}
