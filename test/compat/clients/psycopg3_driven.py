"""What both programs of psycopg 3 do: connect, create the table, look something up, drop the table."""

import psycopg

from driven import DDL, fail, show, wait_for_rows

connection = psycopg.connect("", autocommit=True)
connection.add_notice_handler(lambda said: show("notice", said.severity, said.message_primary))


def value(text, *parameters):
    return connection.execute(text, *parameters).fetchone()[0]


def ids(condition, *parameters, **options):
    return [
        row[0]
        for row in connection.execute(
            f"SELECT id FROM driven WHERE {condition} ORDER BY 1", parameters, **options
        )
    ]


def create():
    show("created", connection.execute(DDL).statusmessage)
    # Not counted: the driver prepares what it has sent five times.
    count = "SELECT count(*) FROM driven"
    wait_for_rows(lambda: connection.execute(count, prepare=False).fetchone()[0])


def drop():
    show("dropped", connection.execute("DROP TABLE driven").statusmessage)
    fail("gone", psycopg.Error, lambda: connection.execute("SELECT FROM driven"))
    connection.close()
