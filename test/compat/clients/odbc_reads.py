"""Creates a table by psqlODBC, asks ODBC's catalog functions about it, reads it, and drops it."""

import datetime
import decimal
import sys

import pyodbc

from driven import (
    DATABASE,
    DDL,
    ENDLESS,
    HOST,
    PORT,
    USER,
    route,
    show,
    wait_for_rows,
    when_running,
)

# The driver by its name, and how it shall read, e.g. "UseDeclareFetch=1;Fetch=2".
DRIVER, OPTIONS = sys.argv[1], sys.argv[2]
TO = f"Driver={{{DRIVER}}};Servername={HOST};Port={PORT};Database={DATABASE};UID={USER};{OPTIONS}"
REPEATS = 3
CONDITIONS = (
    ("id = ?", 3),
    ("big = ?", 9007199254740993),
    ("small = ?", -32768),
    ("amount = ?", decimal.Decimal("1.25")),
    ("ratio = ?", 1.0),
    ("ok = ?", True),
    ("label = ?", "row 7"),
    ("label LIKE ?", "%3"),
    ("note = ?", "Grüße €😀"),
    ("day < ?", datetime.date(2024, 2, 22)),
    ("clock > ?", datetime.time(12, 30)),
    ("moment < ?", datetime.datetime(2000, 1, 1)),
    ("at < ?", datetime.datetime(2024, 1, 1, 0, 0, 2)),
    ("bytes = ?", b"\x00\xff'"),
    ("key = ?", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("note IS NOT DISTINCT FROM ?", None),
)


def fail(step, attempt):
    """Shows the error that the attempt must raise."""
    try:
        show(step, "no error", attempt())
    except pyodbc.Error as error:
        show(step, type(error).__name__, *error.args)


def rows(cursor):
    return [tuple(row) for row in cursor]


def columns(cursor):
    """All but the table's OID and, last, that it has children: a relation's twin has one."""
    return [row[2:22] + row[23:-1] for row in rows(cursor)]


def fetched(text, *parameters):
    return rows(connection.execute(text, *parameters))


def introspects():
    for kind in (
        pyodbc.SQL_DBMS_NAME,
        pyodbc.SQL_DBMS_VER,
        pyodbc.SQL_DATABASE_NAME,
        pyodbc.SQL_CURSOR_COMMIT_BEHAVIOR,
        pyodbc.SQL_MAX_COLUMNS_IN_SELECT,
    ):
        show("info", connection.getinfo(kind))
    cursor = connection.cursor()
    # Live children and the status views have schemas of their own, which everybody sees.
    hidden = ("information_schema", "pg_catalog", "pg_toast", "jetgres", "jetgres_live")
    show("tables", [row for row in rows(cursor.tables()) if row[1] not in hidden])
    for table in ("driven", "dri%", "nowhere"):
        show(
            table,
            rows(cursor.tables(table, schema="public")),
            columns(cursor.columns(table, schema="public")),
        )
    show(
        "kinds",
        rows(cursor.tables(tableType="VIEW", schema="public")),
        rows(cursor.tables(tableType="TABLE", schema="public")),
    )
    show("column", columns(cursor.columns("driven", column="a%")))
    show("keys", rows(cursor.primaryKeys("driven")), rows(cursor.foreignKeys("driven")))
    show("statistics", [row[:10] for row in rows(cursor.statistics("driven", unique=True))])
    show("row identity", rows(cursor.rowIdColumns("driven")), rows(cursor.rowVerColumns("driven")))
    show("types", [row[:6] for row in rows(cursor.getTypeInfo())])
    show("procedures", rows(cursor.procedures("nothing", schema="public")))


def reads():
    cursor = connection.execute("SELECT * FROM driven ORDER BY id")
    show("columns", cursor.description)
    show("rows", rows(cursor))
    for count in (1, 2, 3):
        cursor = connection.execute(
            "SELECT id, at, label FROM driven WHERE id > ? ORDER BY id", count
        )
        show("some", cursor.fetchone(), rows_of(cursor.fetchmany(2)), rows(cursor))
    for condition, parameter in CONDITIONS:
        text = f"SELECT id FROM driven WHERE {condition} ORDER BY id"
        cursor = connection.cursor()
        for _ in range(REPEATS):
            found = rows(cursor.execute(text, parameter))
        show(condition, found)
    both = connection.execute(
        "SELECT 1 AS a; SELECT count(*) FROM driven; SELECT max(label) FROM driven"
    )
    show("several", rows(both))
    while both.nextset():
        show("next", rows(both))
    show(
        "nothing",
        fetched("SELECT * FROM driven WHERE false"),
        connection.execute("SELECT 1").fetchval(),
    )
    show("aggregates", fetched("SELECT count(*), sum(amount), avg(ratio), min(at) FROM driven"))
    show(
        "escapes",
        fetched(
            "SELECT {fn UCASE(label)}, {fn YEAR(at)} FROM driven WHERE at < {ts '2024-01-01 00:00:02'} ORDER BY id"
        ),
    )
    # DECLARE is relayed, whatever it reads.
    if "UseDeclareFetch=1" not in OPTIONS:
        route("rows", lambda text: (fetched("SELECT id FROM driven"), fetched(text)[0][0])[1])


def rows_of(some):
    return [tuple(row) for row in some]


def transactions():
    connection.autocommit = False
    show("in", fetched("SELECT count(*) FROM driven"))
    fail("unknown", lambda: fetched("SELECT nope FROM driven"))
    fail("failed", lambda: fetched("SELECT count(*) FROM driven"))
    connection.rollback()
    for level in (
        pyodbc.SQL_TXN_READ_COMMITTED,
        pyodbc.SQL_TXN_REPEATABLE_READ,
        pyodbc.SQL_TXN_SERIALIZABLE,
    ):
        connection.set_attr(pyodbc.SQL_ATTR_TXN_ISOLATION, level)
        one, two = connection.execute("SELECT id FROM driven ORDER BY id"), connection.execute(
            "SELECT id FROM driven ORDER BY id DESC"
        )
        show("interleaved", [(a[0], b[0]) for a, b in zip(one, two)])
        show("isolation", fetched("SHOW transaction_isolation"))
        connection.commit()
    # A cursor that is open while its transaction ends.
    cursor = connection.execute("SELECT id FROM driven ORDER BY id")
    show("before", cursor.fetchone())
    connection.commit()
    fail("behind", lambda: rows(cursor))
    connection.rollback()
    connection.autocommit = True


def errors():
    for text in (
        "SELECT * FROM driven WHERE",
        "SELECT 1/(id - 2) FROM driven",
        "SELECT label::int FROM driven",
        "SELECT FROM nowhere",
        "SELECT (SELECT id FROM driven)",
    ):
        fail(text, lambda: fetched(text))
        fail(text, lambda: fetched(f"{text} -- ?"))
    fail("bad parameter", lambda: fetched("SELECT id FROM driven WHERE id = ?", "x"))
    fail("too few", lambda: fetched("SELECT id FROM driven WHERE id = ?"))
    cursor = connection.cursor()
    watch = pyodbc.connect(TO, autocommit=True)
    seen = lambda text: watch.execute(text).fetchval()
    pid = fetched("SELECT pg_backend_pid()")[0][0]
    for endless in ("SELECT pg_sleep(60)", ENDLESS):
        canceller = when_running(pid, seen, cursor.cancel)
        fail("cancelled", lambda: cursor.execute(endless))
        canceller.join()
    watch.close()
    connection.execute("SET statement_timeout = 200")
    fail("out of time", lambda: connection.execute(ENDLESS))
    connection.execute("RESET statement_timeout")
    show("and then", fetched("SELECT count(*) FROM driven"))


def writes():
    """A table of its own, and what Excel, R and the like do with it."""
    connection.execute("CREATE TEMP TABLE own (id serial PRIMARY KEY, a int, b text)")
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO own (a, b) VALUES (?, ?)", [(1, "one"), (2, None), (8, "ät")])
    show("inserted", cursor.rowcount, fetched("SELECT * FROM own ORDER BY id"))
    show("joined", fetched("SELECT a, b, label FROM own JOIN driven d ON d.id = a ORDER BY a"))
    show(
        "copied",
        connection.execute(
            "INSERT INTO own (a, b) SELECT id, label FROM driven WHERE id = ?", 4
        ).rowcount,
    )
    show(
        "updated",
        connection.execute("UPDATE own SET b = ? WHERE a IN (SELECT id FROM driven)", "x").rowcount,
    )


connection = pyodbc.connect(TO, autocommit=True)
show("created", connection.execute(DDL).rowcount)
wait_for_rows(lambda: connection.execute("SELECT count(*) FROM driven").fetchval())
for part in (introspects, reads, transactions, errors, writes):
    part()
fail("no such database", lambda: pyodbc.connect(TO.replace(DATABASE, "nowhere")))
connection.execute("DROP TABLE driven")
fail("gone", lambda: fetched("SELECT FROM driven"))
connection.close()
