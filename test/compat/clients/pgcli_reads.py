"""Creates a table by pgcli's own executor, completes names of it, reads it, and drops it."""

import threading

from pgcli.completion_refresher import CompletionRefresher
from pgcli.main import PGCli
from prompt_toolkit.document import Document

from driven import DATABASE, DDL, HOST, PORT, USER, show, wait_for_rows

# Live children and the status views have schemas of their own, which everybody sees.
OURS = ("jetgres", "jetgres_live")
COMMANDS = ("\\dt", "\\dt dri*", "\\du", "\\df other*", "\\dT", "\\sf nothing", "\\x", "\\x")
STATEMENTS = (
    "SELECT * FROM driven ORDER BY id",
    "SELECT count(*), max(at) FROM driven; SELECT 1",
    "SELECT nope FROM driven",
    "SELECT 1/(id - 2) FROM driven",
    "SELECT count(*) FROM driven",
    "BEGIN; SELECT count(*) FROM driven; ROLLBACK",
    "SELECT label FROM driven WHERE id = 3 \\G",
    "EXPLAIN (COSTS OFF) SELECT 1",
)
TYPED = (
    "SELECT * FROM dri",
    "SELECT la FROM driven",
    "SELECT d. FROM driven d",
    "SELECT * FROM public.",
    "INSERT INTO driven (",
    "\\d dri",
)


def shown(step, text):
    for title, rows, headers, status, *_ in executor.run(text, cli.pgspecial):
        show(step, title, headers, [tuple(row) for row in rows or []], status)


def attempted(text, step=None):
    """As pgcli's main loop has it: an error is shown and the next statement follows."""
    try:
        shown(step or text, text)
    except Exception as error:
        show(step or text, type(error).__name__, str(error))


def completions(cli):
    refreshed = threading.Event()
    refresher = CompletionRefresher()
    found = []
    refresher.refresh(
        cli.pgexecute, cli.pgspecial, lambda completer: (found.append(completer), refreshed.set())
    )
    if not refreshed.wait(30):
        raise SystemExit("the completions did not come")
    for text in TYPED:
        at = len(text) if " FROM driven" not in text else text.index(" FROM driven")
        offered = found[0].get_completions(Document(text=text, cursor_position=at), None)
        names = sorted(one.text for one in offered if not one.text.startswith(OURS))
        show(text, names)


cli = PGCli(pgclirc_file="/dev/null")
cli.connect(database=DATABASE, host=HOST, user=USER, port=PORT)
executor = cli.pgexecute
attempted(DDL, "created")
wait_for_rows(lambda: next(iter(executor.run("SELECT count(*) FROM driven")))[1].fetchone()[0])
show("version", executor.server_version)
show("schemas", [name for name in executor.schemata() if name not in OURS and "_temp_" not in name])
show("tables", [table for table in executor.tables() if table[0] == "public"])
show("columns", [column for column in executor.table_columns() if column[0] == "public"])
show("keys", list(executor.foreignkeys()))
for text in COMMANDS + STATEMENTS:
    attempted(text)
completions(cli)
attempted("DROP TABLE driven")
