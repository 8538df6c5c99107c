"""Creates a table by psycopg2, prints everything it reads, a line a step, and drops the table."""

import sys

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from driven import DDL, ENDLESS, fail, route, show, wait_for_rows, when_running

# All that is needed is in libpq's variables.
connection = psycopg2.connect("")


def described(cursor):
    return [
        (c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description
    ]


def value(text, on=connection):
    with on, on.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()[0]


show(
    "parameters",
    {k: connection.get_parameter_status(k) for k in ("server_version", "DateStyle", "TimeZone")},
)
with connection, connection.cursor() as cursor:
    cursor.execute(DDL)
    show("created", cursor.statusmessage)
show("notices", connection.notices)
wait_for_rows(lambda: value("SELECT count(*) FROM driven"))

with connection.cursor() as cursor:
    cursor.execute("SELECT * FROM driven ORDER BY id")
    show("columns", described(cursor))
    show("rows", cursor.fetchall())
    cursor.execute("SELECT id, label FROM driven WHERE id = %s AND label LIKE %s", (3, "%3"))
    show("by parameter", cursor.fetchall())
    cursor.execute("SELECT id FROM driven WHERE id = ANY(%s) ORDER BY id", ([1, 4, 99],))
    show("by array", cursor.fetchall())
    show("status in a transaction", connection.get_transaction_status())
    try:
        cursor.execute("SELECT nope FROM driven")
    except psycopg2.Error as error:
        show("error", (error.pgcode, str(error)))
    show("status behind an error", connection.get_transaction_status())
    try:
        cursor.execute("SELECT count(*) FROM driven")
    except psycopg2.Error as error:
        show("failed transaction", error.pgcode)
    connection.rollback()
    show("status behind a rollback", connection.get_transaction_status())

connection.autocommit = True
with connection.cursor() as cursor:
    cursor.execute("SELECT * FROM driven ORDER BY id")
    route("rows", lambda text: cursor.execute(text) or cursor.fetchone()[0])
    cursor.execute("SELECT * FROM driven WHERE key = %s", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",))
    show("by key", cursor.fetchall())
    route("by key", lambda text: cursor.execute(text) or cursor.fetchone()[0])
connection.autocommit = False

with connection, connection.cursor("named") as cursor:
    cursor.itersize = 3
    cursor.execute("SELECT id, at FROM driven ORDER BY id")
    show("named cursor", [row for row in cursor])
with connection, connection.cursor("held", withhold=True) as cursor:
    cursor.execute("SELECT id FROM driven WHERE id < %s ORDER BY id", (4,))
    connection.commit()
    show("cursor with hold", cursor.fetchmany(2) + cursor.fetchall())

connection.autocommit = True
with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
    cursor.execute("SELECT id, doc, tags FROM driven WHERE doc IS NOT NULL ORDER BY id")
    show("dictionaries", [dict(row) for row in cursor])
    cursor.execute("SELECT 1 AS a; SELECT count(*) AS n FROM driven")
    show("last of several", [dict(row) for row in cursor])
    psycopg2.extras.execute_values(
        cursor, "CREATE TEMP TABLE v AS SELECT * FROM (VALUES %s) v(a)", [(1,), (2,)]
    )
    cursor.execute("SELECT d.label FROM driven d JOIN v ON v.a = d.id ORDER BY 1")
    show("join", [dict(row) for row in cursor])

with connection.cursor() as cursor:
    cursor.execute("PREPARE p (int) AS SELECT label FROM driven WHERE id = $1")
    cursor.execute("EXECUTE p (%s)", (2,))
    show("execute", cursor.fetchall())
    cursor.callproc("upper", ["proc"])
    show("callproc", cursor.fetchall())
    for copy in (
        "COPY driven (id, label) TO STDOUT",
        "COPY (SELECT * FROM driven ORDER BY id) TO STDOUT CSV",
    ):
        cursor.copy_expert(copy, sys.stdout)
    cursor.execute(
        "SELECT column_name, data_type, is_nullable, ordinal_position, numeric_precision"
        " FROM information_schema.columns WHERE table_name = %s ORDER BY 4",
        ("driven",),
    )
    show("information_schema", cursor.fetchall())
    cursor.execute("LISTEN told")
    cursor.execute("NOTIFY told, 'word'")
    connection.poll()
    show("notified", [(n.channel, n.payload) for n in connection.notifies])

for isolation in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
    connection.autocommit = False
    connection.set_session(isolation_level=isolation, readonly=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(at), max(amount) FROM driven")
        show(isolation, cursor.fetchall())
connection.set_session(isolation_level="DEFAULT", readonly=False)

watch = psycopg2.connect("")
with connection.cursor() as cursor:
    for endless in ("SELECT pg_sleep(60)", ENDLESS):
        pid = connection.info.backend_pid
        canceller = when_running(pid, lambda text: value(text, watch), connection.cancel)
        fail("cancelled", psycopg2.extensions.QueryCanceledError, lambda: cursor.execute(endless))
        canceller.join()
        connection.rollback()
    cursor.execute("SET statement_timeout = 200")
    fail("out of time", psycopg2.Error, lambda: cursor.execute(ENDLESS))
    connection.rollback()
    cursor.execute("SELECT count(*) FROM driven")
    show("afterwards", cursor.fetchall())
    cursor.execute("DROP TABLE driven")
    show("dropped", cursor.statusmessage)
    connection.commit()
connection.close()
