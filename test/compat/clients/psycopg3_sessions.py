"""Creates a table by psycopg 3, prints what a session sees of it, and drops it."""

import asyncio

import psycopg

from driven import ENDLESS, fail, route, show, when_running
from psycopg3_driven import connection, create, drop, ids, value

REPEATS = 8
# Everything of an error but where in the server's source it was made.
DIAGNOSTICS = (
    "severity",
    "sqlstate",
    "message_primary",
    "message_detail",
    "message_hint",
    "statement_position",
    "internal_position",
    "context",
    "schema_name",
    "table_name",
    "column_name",
    "constraint_name",
)


def connects():
    with psycopg.connect("") as plain:
        info = plain.info
        show(
            "connected",
            info.dbname,
            info.user,
            info.encoding,
            info.server_version,
            info.transaction_status,
            info.options,
        )
        show(
            "parameters",
            {
                n: info.parameter_status(n)
                for n in (
                    "server_version",
                    "DateStyle",
                    "TimeZone",
                    "application_name",
                    "client_encoding",
                )
            },
        )
    with psycopg.connect(
        "", application_name="jet", options="-c DateStyle=German -c search_path=pg_catalog"
    ) as given:
        for name in ("application_name", "DateStyle", "search_path"):
            show(name, given.execute(f"SHOW {name}").fetchone())
        fail("other search_path", psycopg.Error, lambda: given.execute("SELECT 1 FROM driven"))
    with psycopg.connect("", client_encoding="latin1", autocommit=True) as latin:
        show("latin1", latin.execute("SELECT 'Grüße'").fetchone())
    fail("no such database", psycopg.Error, lambda: psycopg.connect("", dbname="nowhere"))
    fail("no such user", psycopg.Error, lambda: psycopg.connect("", user="nobody_at_all"))


def prepares():
    for number in range(REPEATS):
        show("prepared", ids("id > %s AND label <> %s", number % 4, "row 5"))
    show(
        "names",
        connection.execute(
            "SELECT statement, parameter_types::text[] FROM pg_prepared_statements ORDER BY 1"
        ).fetchall(),
    )
    route("prepared", lambda text: (ids("id > %s AND label <> %s", 1, "row 5"), value(text))[1])
    show("at once", ids("id < %s", 3, prepare=True), ids("id < %s", 2, prepare=True))
    connection.prepared_max = 2
    for number in range(5):
        show("evicted", ids(f"id > {number} AND id < %s", 7, prepare=True))
    show("left", value("SELECT count(*) FROM pg_prepared_statements"))
    connection.prepared_max = 100
    connection.execute("PREPARE by_id (int) AS SELECT label FROM driven WHERE id = $1")
    show("execute", connection.execute("EXECUTE by_id (2)").fetchall())
    ids("id < %s", 1, prepare=True)
    connection.execute("DISCARD ALL")
    fail("discarded by SQL", psycopg.Error, lambda: connection.execute("EXECUTE by_id (2)"))
    # The driver does not notice: it goes on using the name.
    fail("discarded by name", psycopg.Error, lambda: ids("id < %s", 1, prepare=True))


def transactions():
    status = lambda: connection.info.transaction_status.name
    try:
        with connection.transaction():
            show("in", status(), ids("id = %s", 1))
            try:
                with connection.transaction():
                    connection.execute("SELECT 1/(id - 2) FROM driven ORDER BY id").fetchall()
            except psycopg.Error as error:
                show("inner", error.sqlstate, status())
            show("behind the inner", ids("id = %s", 2))
            with connection.transaction(force_rollback=True):
                connection.execute("CREATE TEMP TABLE gone AS SELECT id FROM driven")
            fail("rolled back", psycopg.Error, lambda: connection.execute("SELECT FROM gone"))
            show("failed", status())
            fail("in failed", psycopg.Error, lambda: ids("id = %s", 1))
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        show("outer", error.sqlstate, status())
    show("after", status(), ids("id = %s", 1))
    connection.autocommit = False
    for level in psycopg.IsolationLevel:
        connection.isolation_level = level
        connection.read_only = True
        show(
            level.name,
            ids("id < %s", 3),
            value("SHOW transaction_isolation"),
            value("SHOW transaction_read_only"),
        )
        fail("read only", psycopg.Error, lambda: connection.execute("CREATE TABLE no (a int)"))
        connection.rollback()
    connection.isolation_level = connection.read_only = None
    connection.autocommit = True
    with psycopg.connect("") as other:
        other.tpc_begin("jet")
        show("two phases", other.execute("SELECT max(id) FROM driven").fetchall())
        fail("prepare", psycopg.Error, other.tpc_prepare)
        other.close()


def errors():
    for text in (
        "SELECT nope FROM driven",
        "SELECT * FROM driven WHERE",
        "SELECT 1/(id - 2) FROM driven",
        "SELECT label::int FROM driven",
        "SELECT FROM nowhere",
        "SELECT sum(label) FROM driven",
        "SELECT id FROM driven GROUP BY label",
        "SELECT big * big FROM driven",
        "SELECT sqrt(amount - 1) FROM driven",
        "SELECT (SELECT id FROM driven)",
        "SELECT id::smallint * 20000::smallint FROM driven",
        "SELECT FROM driven LIMIT -1",
    ):
        for wrapped in (text, f"/* twice */ {text}"):
            try:
                show(text, connection.execute(wrapped).fetchall())
            except psycopg.Error as error:
                show(
                    text, type(error).__name__, [getattr(error.diag, name) for name in DIAGNOSTICS]
                )
    connection.execute("DO $$ BEGIN RAISE NOTICE '% rows', (SELECT count(*) FROM driven); END $$")


def cursors():
    with connection.transaction():
        with connection.cursor("srv") as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT * FROM driven WHERE id > %s ORDER BY id", (1,))
            show("server cursor", cursor.description[:3], [row[:3] for row in cursor])
        with connection.cursor("bin", binary=True, scrollable=True) as cursor:
            cursor.execute("SELECT id, at, amount, tags FROM driven ORDER BY id")
            show("first", cursor.fetchone(), cursor.fetchmany(2))
            cursor.scroll(-2)
            show("back", cursor.fetchone())
            cursor.scroll(8, mode="absolute")
            show("last", cursor.fetchall(), cursor.fetchone())
            fail("beyond", Exception, lambda: cursor.scroll(100, mode="relative"))
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM driven ORDER BY id DESC")
        show(
            "held",
            cursor.fetchmany(3),
            [row[0] for row in connection.execute("SELECT name FROM pg_cursors ORDER BY 1")],
            cursor.fetchall(),
        )
    fail("closed", psycopg.Error, lambda: connection.execute("FETCH ALL FROM held"))
    with connection.transaction():
        cursor = connection.cursor("stolen")
        connection.execute("DECLARE stolen CURSOR FOR SELECT id FROM driven ORDER BY id")
        connection.execute("MOVE 4 FROM stolen")
        show("stolen", cursor.fetchmany(2))


def broken_pipeline():
    """The error comes from whichever call happens to read it."""
    with connection.pipeline() as pipeline:
        connection.execute("SELECT id FROM driven WHERE id = 1")
        connection.execute("SELECT 1/(id - 2) FROM driven ORDER BY id")
        connection.execute("SELECT id FROM driven WHERE id = 3")
        pipeline.sync()


def pipelines():
    with connection.pipeline() as pipeline:
        found = [
            connection.execute("SELECT label FROM driven WHERE id = %s", (number,))
            for number in range(3)
        ]
        found.append(connection.execute("SELECT 'between'"))
        found.append(connection.execute("SELECT count(*) FROM driven"))
        found.append(connection.execute("SELECT now() > '2000-01-01', max(at) FROM driven"))
        pipeline.sync()
        show("pipelined", [cursor.fetchall() for cursor in found])
        show("status", connection.info.transaction_status.name)
    fail("broken", psycopg.Error, broken_pipeline)
    show("again", connection.execute("SELECT id FROM driven WHERE id = 4").fetchall())
    with connection.transaction(), connection.pipeline():
        show(
            "in a transaction",
            connection.execute("SELECT count(*) FROM driven").fetchall(),
            connection.execute("SELECT txid_current() > 0").fetchall(),
        )
    cursor = connection.cursor()
    cursor.executemany(
        "SELECT label FROM driven WHERE id = %s",
        [(number,) for number in range(20)],
        returning=True,
    )
    labels = [cursor.fetchall()]
    while cursor.nextset():
        labels.append(cursor.fetchall())
    show("many", labels)


def cancels():
    watch = psycopg.connect("", autocommit=True)
    seen = lambda text: watch.execute(text).fetchone()[0]
    for endless in ("SELECT pg_sleep(60)", ENDLESS, f"SELECT * FROM ({ENDLESS}) x, pg_sleep(0)"):
        canceller = when_running(connection.info.backend_pid, seen, connection.cancel)
        fail("cancelled", psycopg.errors.QueryCanceled, lambda: connection.execute(endless))
        canceller.join()
        show("and then", ids("id = 1"))
    for setting in ("statement_timeout = 200",):
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL {setting}")
            fail("out of time", psycopg.Error, lambda: connection.execute(ENDLESS))
    with psycopg.connect("", autocommit=True) as victim:
        pid = victim.info.backend_pid
        terminate = lambda: value("SELECT pg_terminate_backend(%s)", (pid,))
        terminator = when_running(pid, seen, terminate)
        fail("terminated", psycopg.Error, lambda: victim.execute(ENDLESS))
        terminator.join()
        show("closed", victim.closed, victim.broken)
    watch.close()
    show("pid", connection.info.backend_pid == value("SELECT pg_backend_pid()"))


def notifications():
    heard = connection.notifies()
    connection.execute("LISTEN told")
    ids("id = 1")
    with psycopg.connect("", autocommit=True) as other:
        for word in ("one", "two"):
            other.execute("SELECT pg_notify('told', %s)", (word,))
    for _ in range(2):
        notify = next(heard)
        show("heard", notify.channel, notify.payload)
    heard.close()


async def asynchronous():
    async with await psycopg.AsyncConnection.connect(
        "", autocommit=True
    ) as one, await psycopg.AsyncConnection.connect("") as two:
        texts = ("SELECT count(*) FROM driven", "SELECT max(label) FROM driven", "SELECT 1")
        show(
            "async",
            [await (await one.execute(text)).fetchall() for text in texts],
            [await (await two.execute(text)).fetchall() for text in texts],
        )
        found = await asyncio.gather(
            *(one.execute(text) for text in texts), *(two.execute(text) for text in texts)
        )
        show("gathered", [await cursor.fetchall() for cursor in found])


connects()
create()
for part in (transactions, errors, cursors, pipelines, notifications, cancels, prepares):
    part()
asyncio.run(asynchronous())
drop()
