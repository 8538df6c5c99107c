"""What the Python drivers' programs share: where to connect, what to create, what to show and how.

The test that starts them tells it by libpq's variables and those below (support/driven.ts).
"""

import datetime
import decimal
import os
import threading
import time
import uuid

HOST = os.environ["PGHOST"]
PORT = int(os.environ["PGPORT"])
USER = os.environ["PGUSER"]
DATABASE = os.environ["PGDATABASE"]
DDL = os.environ["DRIVEN_DDL"]
ROWS = int(os.environ["DRIVEN_ROWS"])
RUNNING = os.environ["DRIVEN_RUNNING"]
SHOWS_ROUTE = os.environ.get("SHOWS_ROUTE") == "1"

# A condition and a value for its parameter; nearly each finds something.
CONDITIONS = (
    ("id = ?", 3),
    ("id > ?", 1000),
    ("id = ANY(?)", [1, 4, 99]),
    ("small = ?", -32768),
    ("big = ?", 9007199254740993),
    ("amount = ?", decimal.Decimal("1.25")),
    ("exact = ?", decimal.Decimal("1E-18")),
    ("ratio = ?", 1.0),
    ("single < ?", 0.0),
    ("ok = ?", True),
    ("label = ?", "row 7"),
    ("label LIKE ?", "%3"),
    ("note = ?", "Grüße €😀"),
    ("code = ?", "ab"),
    ("bytes = ?", b"\x00\xff'"),
    ("day < ?", datetime.date(2024, 2, 22)),
    ("clock > ?", datetime.time(12, 30)),
    ("moment < ?", datetime.datetime(2000, 1, 1)),
    ("at <= ?", datetime.datetime(2024, 1, 1, 0, 0, 1, 500000, datetime.timezone.utc)),
    ("span = ?", datetime.timedelta(seconds=-1)),
    ("key = ?", uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("tags = ?", ["x", None, "y z"]),
    ("ints = ?::int[]", [1, -2, None]),
    ("? = ANY(ints)", -2),
    ("flags[1] = ?", True),
    ("note IS NOT DISTINCT FROM ?", None),
)

# Runs for minutes, here or upstream, unless it is cancelled.
NAMES = [f"d{i}" for i in range(14)]
ENDLESS = "SELECT count(*) FROM {} WHERE {} < 0".format(
    ", ".join(f"driven {name}" for name in NAMES), " + ".join(f"{name}.id" for name in NAMES)
)


def show(step, *values):
    """One line, so that two runs can be compared line by line."""
    print(f"{step}:", *map(repr, map(plain, values)), flush=True)


def plain(value):
    """A memoryview says where it lies, not what it holds."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value)) if isinstance(value, tuple) else [plain(v) for v in value]
    return value


def fail(step, kind, attempt):
    """Shows the error that the attempt must raise: its SQLSTATE and text."""
    try:
        attempt()
    except kind as error:
        show(
            step,
            type(error).__name__,
            getattr(error, "sqlstate", None) or getattr(error, "pgcode", None),
            str(error),
        )
    else:
        show(step, "no error")


def route(step, fetch):
    """Where the session's last SELECT was answered. `fetch` runs a text and returns one value."""
    if SHOWS_ROUTE:
        print_route(step, fetch("SHOW jetgres.last_route"))


def print_route(step, where):
    print(f"route {step}: {where}", flush=True)


def when_running(pid, fetch, act):
    """A thread that calls `act` once the backend is at a statement to be cancelled.

    `fetch` runs a text on a connection of its own and returns one value.
    """

    def wait():
        deadline = time.monotonic() + 30
        while fetch(RUNNING.replace("PID", str(pid))) == 0:
            if time.monotonic() > deadline:
                raise SystemExit("the statement did not come")
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def wait_for_rows(count):
    """Calls `count` until it returns the number of rows that will come."""
    deadline = time.monotonic() + 30
    while count() != ROWS:
        if time.monotonic() > deadline:
            raise SystemExit("the rows did not come")
        time.sleep(0.02)
