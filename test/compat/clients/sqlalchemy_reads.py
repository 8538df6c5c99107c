"""Creates a table, reflects and reads it by SQLAlchemy's core and ORM, and drops it."""

import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy import exc, func
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session, aliased, declarative_base

from driven import DATABASE, DDL, HOST, PORT, USER, route, show, wait_for_rows

URL = f"postgresql+psycopg2://{USER}@{HOST}:{PORT}/{DATABASE}"
REPEATS = 4

engine = sa.create_engine(
    URL, connect_args={"application_name": "alchemy"}, pool_pre_ping=True, future=True
)


def fail(step, attempt):
    """Shows the error that the attempt must raise."""
    try:
        show(step, "no error", attempt())
    except exc.SQLAlchemyError as error:
        show(step, type(error).__name__, getattr(error.orig, "pgcode", None), str(error.orig))


def once(statement, *parameters):
    with engine.connect() as connection:
        if isinstance(statement, str):
            statement = sa.text(statement)
        return connection.execute(statement, *parameters).scalar()


def reflects():
    inspector = sa.inspect(engine)
    # Live children and the status views have schemas of their own, which everybody sees.
    ours = ("jetgres", "jetgres_live")
    show("schemas", [name for name in inspector.get_schema_names() if name not in ours])
    show("names", inspector.get_table_names(), inspector.get_view_names())
    show(
        "columns",
        [{k: str(v) for k, v in column.items()} for column in inspector.get_columns("driven")],
    )
    show("key", inspector.get_pk_constraint("driven"))
    show("others", inspector.get_foreign_keys("driven"), inspector.get_indexes("driven"))
    show(
        "checks",
        inspector.get_check_constraints("driven"),
        inspector.get_unique_constraints("driven"),
    )
    show(
        "comment",
        inspector.get_table_comment("driven"),
        inspector.has_table("driven"),
        inspector.has_table("nowhere"),
    )
    show("enums", inspector.get_enums(), inspector.get_foreign_table_names())
    metadata = sa.MetaData()
    metadata.reflect(engine)
    for table in metadata.sorted_tables:
        show("reflected", table.fullname, [repr(column) for column in table.columns])
    return metadata.tables["driven"]


def core(driven):
    with engine.connect() as connection:
        show(
            "rows",
            [tuple(row) for row in connection.execute(sa.select(driven).order_by(driven.c.id))],
        )
        chosen = sa.select(driven.c.id, (driven.c.amount * 2).label("twice")).where(
            driven.c.label.like("row%"),
            driven.c.id.in_([1, 2, 5, 77]),
            driven.c.at > datetime.datetime(2024, 1, 1),
        )
        for _ in range(REPEATS):
            show(
                "chosen",
                connection.execute(chosen.order_by(sa.desc("id")).limit(2).offset(1))
                .mappings()
                .all(),
            )
        grouped = (
            sa.select(driven.c.ok, func.count(), func.sum(driven.c.amount))
            .group_by(driven.c.ok)
            .having(func.count() > 1)
        )
        show("grouped", connection.execute(grouped.order_by(driven.c.ok)).all())
        ranked = sa.select(
            driven.c.id,
            func.row_number().over(partition_by=driven.c.ok, order_by=driven.c.id.desc()),
        )
        show("ranked", connection.execute(ranked.order_by(driven.c.id)).all())
        nested = sa.select(driven.c.id).where(
            driven.c.amount == sa.select(func.max(driven.c.amount)).scalar_subquery()
        )
        show("nested", connection.execute(nested).all())
        common = sa.select(driven.c.id).where(driven.c.ratio > 1.5).cte("common")
        show(
            "common",
            connection.execute(
                sa.select(driven.c.label)
                .join(common, common.c.id == driven.c.id)
                .order_by(driven.c.id)
            ).all(),
        )
        show(
            "union",
            connection.execute(
                sa.union(sa.select(driven.c.id), sa.select(driven.c.small)).order_by(sa.desc("id"))
            ).all(),
        )
        show(
            "exists",
            connection.execute(sa.select(sa.exists().where(driven.c.key.is_(None)))).scalar(),
        )
        show(
            "json",
            connection.execute(
                sa.select(driven.c.doc["a"][0].astext).where(driven.c.doc.isnot(None))
            ).all(),
        )
        show(
            "array",
            connection.execute(
                sa.select(driven.c.tags[1], func.unnest(driven.c.ints)).where(driven.c.id == 3)
            ).all(),
        )
        show(
            "case",
            connection.execute(
                sa.select(sa.case((driven.c.id > 4, "high"), else_="low"), func.count())
                .group_by(sa.text("1"))
                .order_by(sa.text("1"))
            ).all(),
        )
        show(
            "cast",
            connection.execute(
                sa.select(sa.cast(driven.c.id, sa.Numeric(5, 1)), sa.extract("second", driven.c.at))
                .order_by(driven.c.id)
                .limit(3)
            ).all(),
        )
        show(
            "trunc",
            connection.execute(
                sa.select(func.date_trunc("minute", driven.c.at), func.count()).group_by(
                    sa.text("1")
                )
            ).all(),
        )
        result = connection.execution_options(stream_results=True, max_row_buffer=2).execute(
            sa.select(driven.c.id).order_by(driven.c.id)
        )
        show("streamed", [list(part) for part in result.partitions(4)])
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM driven")
        route("rows", lambda text: connection.exec_driver_sql(text).scalar())


def transactions(driven):
    count = sa.select(func.count()).select_from(driven)
    with engine.begin() as connection:
        show("in", connection.execute(count).scalar())
        try:
            with connection.begin_nested():
                connection.execute(sa.text("SELECT 1/(id - 2) FROM driven")).all()
        except exc.DataError as error:
            show("savepoint", error.orig.pgcode)
        show("behind", connection.execute(count).scalar())
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            show(
                level,
                connection.execute(count).scalar(),
                connection.execute(sa.text("SHOW transaction_isolation")).scalar(),
            )
    with engine.connect() as connection:
        fail("unknown", lambda: connection.execute(sa.text("SELECT nope FROM driven")))
        fail("failed", lambda: connection.execute(count))
    wrong = sa.select(driven.c.id).where(driven.c.id == sa.literal("x", sa.Text))
    fail("wrong type", lambda: once(wrong))
    fail("bad value", lambda: once(sa.text("SELECT id FROM driven WHERE id = :id"), {"id": "x"}))


def tables(driven):
    """Of its own, beside and joined with the one under test."""
    metadata = sa.MetaData()
    notes = sa.Table(
        "notes",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("about", sa.Integer, index=True),
        sa.Column("text", sa.String(50)),
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            notes.insert(), [{"about": number, "text": f"note {number}"} for number in range(3)]
        )
        show(
            "inserted",
            connection.execute(
                notes.insert().returning(notes.c.id), {"about": 7, "text": "more"}
            ).all(),
        )
        copied = notes.insert().from_select(
            ["about", "text"], sa.select(driven.c.id, driven.c.label).where(driven.c.id == 8)
        )
        show("copied", connection.execute(copied).rowcount)
        joined = sa.select(notes.c.text, driven.c.label).outerjoin_from(
            driven, notes, notes.c.about == driven.c.id
        )
        show("joined", connection.execute(joined.order_by(driven.c.id)).all())
        changed = (
            notes.update()
            .where(notes.c.about == driven.c.id, driven.c.ok)
            .values(text=driven.c.label)
        )
        show("changed", connection.execute(changed).rowcount)
    metadata.drop_all(engine)


def objects(driven):
    base = declarative_base()

    class Driven(base):
        __table__ = driven

    with Session(engine) as session:
        found = session.get(Driven, 3)
        show(
            "object",
            found.label,
            found.tags,
            found.exact,
            found.at,
            bytes(found.bytes),
            found.span,
            found.key,
        )
        for number in range(REPEATS):
            show(
                "query",
                [
                    row.label
                    for row in session.query(Driven)
                    .filter(Driven.id >= number, Driven.ok.is_(True))
                    .order_by(Driven.id)
                ],
            )
        other = aliased(Driven)
        pairs = (
            session.query(Driven.id, other.id)
            .join(other, other.id == Driven.id + 1)
            .order_by(Driven.id)
        )
        show("pairs", pairs.slice(2, 5).all(), pairs.count())
        show(
            "refreshed",
            session.refresh(found),
            session.query(Driven).filter_by(amount=decimal.Decimal("0.25")).one().id,
        )
        show(
            "none",
            session.query(Driven).filter(Driven.note.startswith("zz")).first(),
            session.query(Driven).filter(Driven.note.contains("€")).count(),
        )
        show("batches", [row.id for row in session.query(Driven).order_by(Driven.id).yield_per(2)])
        session.rollback()
    automap = automap_base()
    automap.prepare(autoload_with=engine)
    show("mapped", list(automap.classes.keys()))


with engine.begin() as connection:
    show("created", connection.exec_driver_sql(DDL).rowcount)
wait_for_rows(lambda: once("SELECT count(*) FROM driven"))
table = reflects()
for part in (core, transactions, tables, objects):
    part(table)
table.drop(engine)
show("left", sa.inspect(engine).get_table_names())
