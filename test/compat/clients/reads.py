"""Creates a table by psycopg2, waits for its rows, and prints everything it reads, a line a step.

Arguments: connection string, CREATE TABLE statement, number of rows to wait for.
"""
import sys
import threading
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras

dsn, ddl, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = psycopg2.connect(dsn)


def show(step, value):
    print(f"{step}: {value!r}", flush=True)


def described(cursor):
    return [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description]


with connection, connection.cursor() as cursor:
    cursor.execute(ddl)
    show("created", cursor.statusmessage)

deadline = time.monotonic() + 30
while True:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM driven")
        if cursor.fetchone()[0] == wanted:
            break
    if time.monotonic() > deadline:
        sys.exit("the rows did not come")

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
    psycopg2.extras.execute_values(cursor, "CREATE TEMP TABLE v AS SELECT * FROM (VALUES %s) v(a)", [(1,), (2,)])
    cursor.execute("SELECT d.label FROM driven d JOIN v ON v.a = d.id ORDER BY 1")
    show("join", [dict(row) for row in cursor])

with connection.cursor() as cursor:
    cursor.execute("PREPARE p (int) AS SELECT label FROM driven WHERE id = $1")
    cursor.execute("EXECUTE p (%s)", (2,))
    show("execute", cursor.fetchall())
    cursor.callproc("upper", ["proc"])
    show("callproc", cursor.fetchall())
    for copy in ("COPY driven (id, label) TO STDOUT", "COPY (SELECT * FROM driven ORDER BY id) TO STDOUT CSV"):
        cursor.copy_expert(copy, sys.stdout)
    cursor.execute(
        "SELECT column_name, data_type, is_nullable, ordinal_position, numeric_precision"
        " FROM information_schema.columns WHERE table_name = %s ORDER BY 4", ("driven",))
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

with connection.cursor() as cursor:
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    try:
        cursor.execute("SELECT pg_sleep(60)")
    except psycopg2.extensions.QueryCanceledError as error:
        show("cancelled", error.pgcode)
    timer.join()
    connection.rollback()
    cursor.execute("SELECT count(*) FROM driven")
    show("afterwards", cursor.fetchall())
connection.close()
