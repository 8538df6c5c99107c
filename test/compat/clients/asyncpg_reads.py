"""Creates a table by asyncpg, prints everything it reads, a line a step, and drops the table."""

import asyncio
import io

import asyncpg

from driven import (
    CONDITIONS,
    DATABASE,
    DDL,
    ENDLESS,
    HOST,
    PORT,
    ROWS,
    RUNNING,
    SHOWS_ROUTE,
    USER,
    print_route,
    show,
)

REPEATS = 4
ERRORS = (
    "SELECT nope FROM driven",
    "SELECT * FROM driven WHERE",
    "SELECT 1/(id - 2) FROM driven",
    "SELECT label::int FROM driven",
    "SELECT FROM nowhere",
    "SELECT sum(label) FROM driven",
    "SELECT (SELECT id FROM driven)",
)


async def fail(step, attempt):
    """Shows the error that the attempt must raise."""
    try:
        show(step, "no error", await attempt)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError) as error:
        said = error.as_dict() if isinstance(error, asyncpg.PostgresError) else {}
        hidden = ("server_source_filename", "server_source_line", "server_source_function")
        show(step, type(error).__name__, {k: v for k, v in said.items() if k not in hidden})


async def connects():
    plain = await asyncpg.connect()
    show("settings", {k: getattr(plain.get_settings(), k) for k in ("TimeZone", "DateStyle")})
    show("version", plain.get_server_version(), plain.get_server_pid() > 0)
    await plain.close()
    settings = {"application_name": "jet", "search_path": "pg_catalog", "DateStyle": "German"}
    given = await asyncpg.connect(
        host=HOST, port=PORT, user=USER, database=DATABASE, server_settings=settings, timeout=20
    )
    for name in settings:
        show(name, await given.fetchval(f"SHOW {name}"))
    await fail("other search_path", given.fetch("SELECT 1 FROM driven"))
    await given.close()
    await fail("no such database", asyncpg.connect(database="nowhere"))
    await fail("bad setting", asyncpg.connect(server_settings={"no_such_setting": "1"}))


async def reads(connection):
    everything = await connection.prepare("SELECT * FROM driven ORDER BY id")
    show("attributes", everything.get_attributes())
    show("rows", [tuple(row) for row in await everything.fetch()])
    show("status", everything.get_statusmsg())
    show("record", dict(await connection.fetchrow("SELECT * FROM driven WHERE id = 3")))
    show("value", await connection.fetchval("SELECT label, at FROM driven WHERE id = 1", column=1))
    show("none", await connection.fetch("SELECT * FROM driven WHERE false"))
    show("no columns", await connection.fetch("SELECT FROM driven LIMIT 2"))
    show(
        "aggregates",
        await connection.fetch(
            "SELECT count(*), min(at), max(amount), avg(id), sum(ratio) FROM driven"
        ),
    )
    show(
        "whole rows",
        [row["d"]["label"] for row in await connection.fetch("SELECT d FROM driven d ORDER BY id")],
    )
    show(
        "status",
        await connection.execute("SELECT id FROM driven; SELECT 1; SELECT count(*) FROM driven"),
    )


async def parameters(connection):
    for condition, parameter in CONDITIONS:
        text = f"SELECT id FROM driven WHERE {condition.replace('?', '$1')} ORDER BY id"
        statement = await connection.prepare(text)
        show(condition, statement.get_parameters(), await statement.fetch(parameter))
    await fail("wrong type", connection.fetch("SELECT id FROM driven WHERE id = $1", "3"))
    await fail("too few", connection.fetch("SELECT id FROM driven WHERE id = $1"))
    await fail("undecided", connection.fetch("SELECT $1 FROM driven", 1))
    two = "SELECT id FROM driven WHERE id > $1 AND label <> $2 OR id = $1 ORDER BY 1"
    show("two", [row["id"] for row in await connection.fetch(two, 5, "row 7")])


async def prepares(connection):
    for number in range(REPEATS):
        show("cached", await connection.fetch("SELECT label FROM driven WHERE id = $1", number))
    statement = await connection.prepare("SELECT label FROM driven WHERE id = $1", name="named")
    show("named", statement.get_name(), await statement.fetchval(2))
    show("by SQL", await connection.fetch("EXECUTE named (4)"))
    show(
        "known",
        await connection.fetchval(
            "SELECT count(*) FROM pg_prepared_statements WHERE name = 'named'"
        ),
    )
    show("explained", (await statement.explain(1))[0]["Plan"] is not None)
    uncached = await asyncpg.connect(statement_cache_size=0)
    for number in range(REPEATS):
        show("uncached", await uncached.fetch("SELECT label FROM driven WHERE id = $1", number))
    await uncached.close()
    await connection.execute("CREATE TEMP TABLE shape (a int)")
    show(
        "shape",
        await connection.fetch("SELECT s.*, d.label FROM shape s JOIN driven d ON d.id = s.a"),
    )
    await connection.execute("ALTER TABLE shape ADD b text; INSERT INTO shape VALUES (1, 'x')")
    show(
        "new shape",
        await connection.fetch("SELECT s.*, d.label FROM shape s JOIN driven d ON d.id = s.a"),
    )
    await connection.reload_schema_state()


async def transactions(connection):
    async with connection.transaction():
        show(
            "in",
            connection.is_in_transaction(),
            await connection.fetchval("SELECT count(*) FROM driven"),
        )
        try:
            async with connection.transaction():
                await connection.fetch("SELECT 1/(id - 2) FROM driven ORDER BY id")
        except asyncpg.DivisionByZeroError as error:
            show("inner", error.sqlstate)
        show("behind", await connection.fetchval("SELECT max(id) FROM driven"))
    for level in ("read_committed", "repeatable_read", "serializable"):
        async with connection.transaction(
            isolation=level, readonly=True, deferrable=level == "serializable"
        ):
            show(
                level,
                await connection.fetch(
                    "SELECT count(*), current_setting('transaction_isolation') FROM driven"
                ),
            )
            show("again", await connection.fetchval("SELECT count(*) FROM driven"))
    transaction = connection.transaction()
    await transaction.start()
    for text in ERRORS[:2]:
        await fail("fails", connection.fetch(text))
        await fail("failed", connection.fetch("SELECT count(*) FROM driven"))
    await transaction.rollback()
    for text in ERRORS:
        await fail(text, connection.fetch(text))
        await fail(text, connection.execute(text))


async def cursors(connection):
    async with connection.transaction():
        found = [
            row["id"]
            async for row in connection.cursor("SELECT id FROM driven ORDER BY id", prefetch=2)
        ]
        show("iterated", found)
        cursor = await connection.cursor(
            "SELECT id, at, tags FROM driven WHERE id > $1 ORDER BY id", 1
        )
        show("cursor", await cursor.fetchrow(), await cursor.fetch(2))
        show("beside", await connection.fetchval("SELECT count(*) FROM driven"))
        show("skipped", await cursor.forward(2), await cursor.fetch(9), await cursor.fetchrow())
        statement = await connection.prepare("SELECT id FROM driven WHERE id < $1 ORDER BY id DESC")
        both = [statement.cursor(4, prefetch=1), statement.cursor(6, prefetch=2)]
        show("two cursors", [[row["id"] async for row in cursor] for cursor in both])
    await fail("outside", connection.cursor("SELECT id FROM driven"))


async def copies(connection):
    for options in ({}, {"format": "csv", "header": True}, {"format": "binary"}):
        for source in ("table", "query"):
            sink = io.BytesIO()
            if source == "table":
                said = await connection.copy_from_table("driven", output=sink, **options)
            else:
                said = await connection.copy_from_query(
                    "SELECT * FROM driven WHERE id > $1 ORDER BY id", 2, output=sink, **options
                )
            show("copied", source, options, said, sink.getvalue())
    some = io.BytesIO()
    await connection.copy_from_table("driven", columns=["id", "at"], output=some)
    show("some columns", some.getvalue())
    await connection.execute("CREATE TEMP TABLE w (a int, b text)")
    show("in", await connection.copy_to_table("w", source=io.BytesIO(b"1\tone\n2\t\\N\n")))
    show("records", await connection.copy_records_to_table("w", records=[(3, "three"), (4, None)]))
    await fail("bad records", connection.copy_to_table("w", source=io.BytesIO(b"x\ty\n")))
    await connection.executemany(
        "INSERT INTO w SELECT id, label FROM driven WHERE id = $1", [(5,), (6,)]
    )
    show(
        "joined",
        await connection.fetch("SELECT a, b, label FROM w LEFT JOIN driven ON id = a ORDER BY 1"),
    )


async def types(connection):
    await connection.execute(
        "CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE TYPE pair AS (a int, b mood[])"
    )
    show(
        "composite",
        await connection.fetch(
            "SELECT ROW(id, ARRAY['ok']::mood[])::pair AS p, 'bad'::mood AS m FROM driven WHERE id < 2"
        ),
    )
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=len)
    show("codec", await connection.fetch("SELECT doc FROM driven WHERE id = 2"))
    await connection.reset_type_codec("jsonb", schema="pg_catalog")
    await connection.execute("DROP TYPE pair, mood")


async def cancels(connection):
    watch = await asyncpg.connect()
    running = RUNNING.replace("PID", str(connection.get_server_pid()))
    for endless in ("SELECT pg_sleep(60)", ENDLESS):
        await fail("timed out", connection.fetch(endless, timeout=0.3))
        show("afterwards", await connection.fetchval("SELECT count(*) FROM driven"))
        task = asyncio.ensure_future(connection.fetch(endless))
        async with asyncio.timeout(30):
            while await watch.fetchval(running) == 0:
                pass
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            show("cancelled")
        show("afterwards", await connection.fetchval("SELECT count(*) FROM driven"))
    await watch.close()
    await connection.execute("SET statement_timeout = 200")
    await fail("out of time", connection.fetch(ENDLESS))
    await connection.reset()
    show("reset", await connection.fetchval("SHOW statement_timeout"))


async def notifications(connection):
    heard = asyncio.Queue()
    await connection.add_listener(
        "told", lambda _, pid, channel, payload: heard.put_nowait((channel, payload))
    )
    noticed = []
    connection.add_log_listener(lambda _, message: noticed.append(message.message))
    await connection.execute(
        "DO $$ BEGIN RAISE NOTICE 'noted %', (SELECT count(*) FROM driven); END $$"
    )
    other = await asyncpg.connect()
    await other.execute("NOTIFY told, 'word'")
    show("heard", await asyncio.wait_for(heard.get(), 10))
    await other.close()
    await connection.reset()
    show("noticed", noticed)


async def pools():
    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:

        async def one(number):
            async with pool.acquire() as connection:
                return await connection.fetchval(
                    "SELECT label FROM driven WHERE id = $1", number % ROWS
                )

        show("pool", await asyncio.gather(*(one(number) for number in range(40))))


async def main():
    await connects()
    connection = await asyncpg.connect()
    connection.add_log_listener(lambda _, message: show("notice", message.message))
    show("created", await connection.execute(DDL))
    async with asyncio.timeout(30):
        while await connection.fetchval("SELECT count(*) FROM driven") != ROWS:
            await asyncio.sleep(0.02)
    await connection.fetch("SELECT * FROM driven WHERE id = $1", 3)
    if SHOWS_ROUTE:
        print_route("by id", await connection.fetchval("SHOW jetgres.last_route"))
    for part in (
        reads,
        parameters,
        transactions,
        cursors,
        copies,
        types,
        notifications,
        cancels,
        prepares,
    ):
        await part(connection)
    await pools()
    show("dropped", await connection.execute("DROP TABLE driven"))
    await connection.close()


asyncio.run(main())
