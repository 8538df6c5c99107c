"""Creates a table by psycopg 3, prints the values it reads and copies, and drops the table."""

import psycopg
from psycopg import rows, sql
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo
from psycopg.types.json import Jsonb

from driven import CONDITIONS, fail, route, show
from psycopg3_driven import connection, create, drop, ids, value


def described(cursor):
    return [
        (c.name, c.type_code, c.internal_size, c.display_size, c.precision, c.scale)
        for c in cursor.description
    ]


def reads():
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute("SELECT * FROM driven ORDER BY id")
            show("rows", cursor.fetchall())
            show("columns", described(cursor))
            show(
                "sizes",
                [
                    (cursor.pgresult.fformat(i), cursor.pgresult.fmod(i))
                    for i in range(cursor.pgresult.nfields)
                ],
            )
            oid = value("SELECT 'driven'::regclass::oid")
            show(
                "origins",
                [
                    (cursor.pgresult.ftable(i) == oid, cursor.pgresult.ftablecol(i))
                    for i in range(cursor.pgresult.nfields)
                ],
            )
            for text in (
                "SELECT count(*), min(at), max(amount), sum(ratio), avg(id) FROM driven",
                "SELECT * FROM driven WHERE false",
                "SELECT FROM driven",
            ):
                cursor.execute(text)
                show(
                    text,
                    cursor.statusmessage,
                    cursor.rowcount,
                    described(cursor),
                    cursor.fetchall(),
                )
    connection.execute("SELECT * FROM driven ORDER BY id")
    route("rows", value)
    for factory in (rows.dict_row, rows.namedtuple_row):
        show(
            factory.__name__,
            connection.cursor(row_factory=factory)
            .execute("SELECT id, doc FROM driven WHERE id = 2")
            .fetchall(),
        )
    show(
        "streamed",
        list(
            connection.cursor().stream(
                "SELECT id, label FROM driven WHERE id < %s ORDER BY 1", (4,)
            )
        ),
    )
    composed = sql.SQL("SELECT {} FROM {} WHERE id = {}").format(
        sql.Identifier("label"), sql.Identifier("public", "driven"), sql.Literal(4)
    )
    show("composed", connection.execute(composed).fetchall())
    client_side = psycopg.ClientCursor(connection)
    show(
        "client side",
        client_side.mogrify("SELECT label FROM driven WHERE id = %s", (5,)),
        client_side.execute("SELECT label FROM driven WHERE id = %s", (5,)).fetchall(),
    )
    several = connection.execute(
        "SELECT 1; SELECT count(*) FROM driven; CREATE TEMP TABLE w (a int, b text); SELECT max(id) FROM driven"
    )
    show("several", several.statusmessage, several.fetchall() if several.description else None)
    while several.nextset():
        show("next", several.statusmessage, several.fetchall() if several.description else None)
    written = connection.cursor()
    written.executemany(
        "INSERT INTO w SELECT id, label FROM driven WHERE id = %s RETURNING *",
        [(1,), (2,), (77,)],
        returning=True,
    )
    show("executemany", written.rowcount, written.fetchall())
    show(
        "join",
        connection.execute(
            "SELECT w.b, d.id FROM w JOIN driven d ON d.id = w.a ORDER BY 2"
        ).fetchall(),
    )


def parameters():
    for condition, parameter in CONDITIONS:
        for placeholder in ("%s", "%t", "%b"):
            if placeholder == "%b" and isinstance(parameter, (list, type(None))):
                continue
            text = condition.replace("?", placeholder)
            show(text, ids(text, parameter), ids(text, parameter, binary=True))
    show("json", ids("doc = %s", Jsonb({"a": [1, None]})), ids("doc @> %b", Jsonb({"a": [1]})))
    show("bigger", ids("id > %s", 2**40), ids("amount > %s", 1.5))
    fail("wrong type", psycopg.Error, lambda: ids("id = %s::text", 3))
    fail("unknown text", psycopg.Error, lambda: ids("id = %s", "x"))
    fail("out of range", psycopg.Error, lambda: ids("id = %s::int", 2**40))


def copies():
    cursor = connection.cursor()
    for text in (
        "COPY driven TO STDOUT",
        "COPY driven (id, label, tags) TO STDOUT (FORMAT csv, HEADER)",
        "COPY (SELECT * FROM driven ORDER BY id) TO STDOUT (FORMAT binary)",
        "COPY driven TO STDOUT (FORMAT binary)",
    ):
        with cursor.copy(text) as copy:
            show(text, b"".join(map(bytes, copy)))
    with cursor.copy(
        "COPY (SELECT id, at, amount FROM driven ORDER BY id) TO STDOUT (FORMAT binary)"
    ) as copy:
        copy.set_types(["int4", "timestamptz", "numeric"])
        show("copied rows", list(copy.rows()))
    with cursor.copy("COPY w (a, b) FROM STDIN") as copy:
        copy.write_row((7, "seven\t\n"))
        copy.write("8\t\\N\n")
    show("copied in", cursor.rowcount)
    with cursor.copy("COPY w (a, b) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text"])
        copy.write_row((9, None))
    fail("bad copy", psycopg.Error, lambda: copy_in(cursor, b"x\ty\n"))
    fail("left copy", psycopg.Error, lambda: copy_in(cursor, None))
    fail(
        "to a wrong table",
        psycopg.Error,
        lambda: list(cursor.copy("COPY nowhere TO STDOUT").__enter__()),
    )
    show(
        "both",
        connection.execute(
            "SELECT a, b, label FROM w LEFT JOIN driven ON id = a ORDER BY a"
        ).fetchall(),
    )


def copy_in(cursor, data):
    with cursor.copy("COPY w (a, b) FROM STDIN") as copy:
        copy.write(data if data is not None else 1 / 0)


def types():
    connection.execute(
        "CREATE TYPE pg_temp.mood AS ENUM ('ok', 'bad'); CREATE TYPE pg_temp.pair AS (a int, b text)"
    )
    for fetch, name in (
        (TypeInfo, "uuid"),
        (TypeInfo, "driven"),
        (EnumInfo, "mood"),
        (CompositeInfo, "pair"),
        (CompositeInfo, "driven"),
        (TypeInfo, "nope"),
    ):
        info = fetch.fetch(connection, name)
        show(
            "type",
            name,
            info and info.name,
            getattr(info, "labels", None),
            getattr(info, "field_names", None),
            getattr(info, "field_types", None),
        )
    CompositeInfo.fetch(connection, "driven").register(connection)
    for binary in (False, True):
        show(
            "whole rows",
            connection.execute(
                "SELECT d FROM driven d ORDER BY id LIMIT 4", binary=binary
            ).fetchall(),
        )
    show(
        "array of rows",
        connection.execute(
            "SELECT array_agg(id ORDER BY id), array_agg(tags ORDER BY id) FILTER (WHERE id = 3) FROM driven"
        ).fetchall(),
    )


create()
for part in (reads, parameters, copies, types):
    part()
drop()
