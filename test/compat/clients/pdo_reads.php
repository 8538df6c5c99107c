<?php
// Creates a table by PDO and the pgsql extension, prints everything it reads, a line a step, and
// drops the table. The test that starts it says where and what (test/compat/support/driven.ts).

declare(strict_types=1);

const REPEATS = 4;
const WRONG = [
    'SELECT * FROM driven WHERE',
    'SELECT 1/(id - 2) FROM driven',
    'SELECT label::int FROM driven',
    'SELECT FROM nowhere',
];
const PREPARES = [
    'emulated' => [PDO::ATTR_EMULATE_PREPARES => true],
    'prepared' => [],
    'unnamed' => [PDO::PGSQL_ATTR_DISABLE_PREPARES => true],
];
const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR;

function show(string $step, mixed ...$values): void
{
    $json = array_map(fn ($value) => json_encode(readable($value), FLAGS), $values);
    echo $step, ': ', implode(' ', $json), "\n";
}

/** bytea comes as a stream. */
function readable(mixed $value): mixed
{
    if (is_resource($value)) {
        return bin2hex(stream_get_contents($value));
    }
    return is_array($value) ? array_map('readable', $value) : $value;
}

/** Shows the error that the attempt must raise. */
function fail(string $step, callable $attempt): void
{
    try {
        show($step, 'no error', $attempt());
    } catch (PDOException $error) {
        show($step, $error->getCode(), $error->getMessage(), $error->errorInfo);
    }
}

/** Where the session's last SELECT was answered. */
function route(PDO $db, string $step): void
{
    if (getenv('SHOWS_ROUTE')) {
        echo "route $step: ", $db->query('SHOW jetgres.last_route')->fetchColumn(), "\n";
    }
}

/** Waits until the backend is at a statement to be cancelled. */
function until_running(int $pid): void
{
    $watch = connected();
    $deadline = microtime(true) + 30;
    $running = str_replace('PID', (string) $pid, getenv('DRIVEN_RUNNING'));
    while ($watch->query($running)->fetchColumn() === 0) {
        microtime(true) < $deadline || exit('the statement did not come');
    }
}

function connected(array $options = [], string $more = ''): PDO
{
    $place = array_map('getenv', ['PGHOST', 'PGPORT', 'PGDATABASE']);
    $dsn = vsprintf('pgsql:host=%s;port=%s;dbname=%s', $place) . $more;
    $options += [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
    return new PDO($dsn, getenv('PGUSER'), null, $options);
}

function rows(PDO $db, string $text): array
{
    return $db->query($text)->fetchAll(PDO::FETCH_NUM);
}

function connects(): void
{
    $more = ";application_name=pdo;options='-c DateStyle=German'";
    $db = connected([PDO::ATTR_PERSISTENT => true], $more);
    show('settings', rows($db, 'SHOW application_name'), rows($db, 'SHOW DateStyle'));
    show('version', $db->getAttribute(PDO::ATTR_SERVER_VERSION));
    show('status', $db->getAttribute(PDO::ATTR_CONNECTION_STATUS));
    fail('no such database', fn () => connected([], ';dbname=nowhere'));
}

function reads(PDO $db): void
{
    $all = $db->query('SELECT * FROM driven ORDER BY id');
    for ($i = 0; $i < $all->columnCount(); $i++) {
        $meta = $all->getColumnMeta($i);
        unset($meta['pgsql:table_oid']);
        show('column', $meta);
    }
    show('rows', $all->rowCount(), $all->fetchAll(PDO::FETCH_NUM));
    $pairs = $db->query('SELECT id, label FROM driven ORDER BY id');
    show('pairs', $pairs->fetchAll(PDO::FETCH_KEY_PAIR));
    $groups = $db->query('SELECT ok, id FROM driven ORDER BY id');
    show('groups', $groups->fetchAll(PDO::FETCH_GROUP | PDO::FETCH_COLUMN));
    show('object', $db->query('SELECT label FROM driven WHERE id = 3')->fetchObject());
    show('several', $db->exec('SELECT 1; SELECT id FROM driven'));
    show('aggregates', rows($db, 'SELECT count(*), max(at), sum(amount) FROM driven'));
    show('none', rows($db, 'SELECT * FROM driven WHERE false'));
    $label = $db->quote('row 2');
    show('quoted', $db->quote("it's \\"), rows($db, "SELECT id FROM driven WHERE label = $label"));
}

function prepares(PDO $db): void
{
    $text = 'SELECT id, bytes, ok, ratio FROM driven WHERE id = :id AND label LIKE :like';
    foreach (PREPARES as $how => $options) {
        $by_id = $db->prepare($text, $options);
        for ($i = 0; $i < REPEATS; $i++) {
            $by_id->execute(['id' => $i, 'like' => 'row%']);
            show($how, $by_id->fetch(PDO::FETCH_ASSOC));
        }
        route($db, $how);
        foreach ([PDO::PARAM_INT, PDO::PARAM_STR] as $type) {
            $by_id->bindValue('id', '3', $type);
            $by_id->bindValue('like', null, PDO::PARAM_NULL);
            $by_id->execute();
            show($how, $by_id->fetchAll());
        }
    }
    $conditions = 'bytes = ? OR amount = ? OR ok = ? OR key = ?';
    $typed = $db->prepare("SELECT id FROM driven WHERE $conditions ORDER BY id");
    $typed->bindValue(1, "\x00\xff'", PDO::PARAM_LOB);
    $typed->bindValue(2, '1.25');
    $typed->bindValue(3, false, PDO::PARAM_BOOL);
    $typed->bindValue(4, '00000000-0000-0000-0000-000000000000');
    for ($i = 0; $i < REPEATS; $i++) {
        $typed->execute();
        show('typed', $typed->fetchAll(PDO::FETCH_COLUMN));
    }
}

function transactions(PDO $db): void
{
    $db->beginTransaction();
    show('in', $db->inTransaction(), rows($db, 'SELECT count(*) FROM driven'));
    $db->exec('SAVEPOINT here');
    fail('unknown', fn () => rows($db, 'SELECT nope FROM driven'));
    fail('failed', fn () => rows($db, 'SELECT count(*) FROM driven'));
    $db->exec('ROLLBACK TO here');
    show('behind', rows($db, 'SELECT count(*) FROM driven'));
    $db->rollBack();
    show('out', $db->inTransaction());
    foreach (WRONG as $text) {
        fail($text, fn () => rows($db, $text));
        fail("$text, prepared", fn () => $db->prepare($text)->execute());
    }
    $by_id = $db->prepare('SELECT id FROM driven WHERE id = ?');
    fail('bad value', fn () => $by_id->execute(['x']));
    $db->exec('SET statement_timeout = 200');
    $names = array_map(fn ($i) => "d$i", range(0, 13));
    [$tables, $sum] = [implode(', driven ', $names), implode('.id + ', $names)];
    $endless = "SELECT count(*) FROM driven $tables WHERE $sum.id < 0";
    fail('out of time', fn () => rows($db, $endless));
    $db->exec('RESET statement_timeout');
}

function cursors(PDO $db): void
{
    $db->beginTransaction();
    $options = [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL];
    $cursor = $db->prepare('SELECT id, label FROM driven ORDER BY id', $options);
    $cursor->execute();
    show('first', $cursor->fetch(PDO::FETCH_NUM));
    show('last', $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_LAST));
    show('prior', $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR));
    show('third', $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 3));
    show('two on', $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_REL, 2));
    $cursor = null;
    $db->commit();
}

function copies(PDO $db): void
{
    show('array', $db->pgsqlCopyToArray('driven'));
    show('some columns', $db->pgsqlCopyToArray('driven', '|', 'none', 'id, tags'));
    $file = tempnam(sys_get_temp_dir(), 'jetgres-pdo-');
    show('file', $db->pgsqlCopyToFile('driven', $file, "\t", '\\\\N', 'id, label'));
    show('its text', file_get_contents($file));
    $db->exec('CREATE TEMP TABLE own (id int, b text)');
    show('from a file', $db->pgsqlCopyFromFile('own', $file));
    show('from an array', $db->pgsqlCopyFromArray('own', ["10\tten", "11\t\\N"]));
    unlink($file);
    fail('bad copy', fn () => $db->pgsqlCopyFromArray('own', ["x\ty"]));
    show('joined', rows($db, 'SELECT id, b, label FROM own JOIN driven USING (id) ORDER BY 1'));
    $insert = $db->prepare('INSERT INTO own SELECT id, label FROM driven WHERE id = ? RETURNING b');
    show('inserted', $insert->execute([2]), $insert->rowCount(), $insert->fetchAll(PDO::FETCH_NUM));
}

function notifications(PDO $db): void
{
    $db->exec('LISTEN told');
    rows($db, 'SELECT id FROM driven');
    connected()->exec("NOTIFY told, 'word'");
    $heard = $db->pgsqlGetNotify(PDO::FETCH_ASSOC, 10_000);
    show('heard', $heard['message'], $heard['payload']);
    show('pid', $db->pgsqlGetPid() === (int) rows($db, 'SELECT pg_backend_pid()')[0][0]);
}

/** The older extension, which phpPgAdmin and Adminer use. */
function procedural(): void
{
    $db = pg_connect("options='--client_encoding=UTF8'");
    $all = pg_query($db, 'SELECT * FROM driven ORDER BY id');
    for ($i = 0; $i < pg_num_fields($all); $i++) {
        show('field', pg_field_name($all, $i), pg_field_type($all, $i), pg_field_size($all, $i));
        show('its table', pg_field_table($all, $i), pg_field_prtlen($all, 0, $i));
    }
    show('rows', pg_num_rows($all), pg_fetch_all($all));
    show('meta', pg_meta_data($db, 'driven', true));
    show('selected', pg_select($db, 'driven', ['id' => 3]));
    show('converted', pg_convert($db, 'driven', ['label' => "it's", 'id' => '7']));
    pg_prepare($db, 'by id', 'SELECT label FROM driven WHERE id = $1');
    for ($i = 0; $i < REPEATS; $i++) {
        show('prepared', pg_fetch_row(pg_execute($db, 'by id', [$i])));
        $at = pg_query_params($db, 'SELECT at FROM driven WHERE id = $1', [$i]);
        show('by parameter', pg_fetch_row($at));
    }
    show('by SQL', pg_fetch_row(pg_query($db, 'EXECUTE "by id" (5)')), pg_transaction_status($db));
    pg_send_query($db, 'SELECT 1; SELECT id FROM driven ORDER BY id; SELECT nope FROM driven');
    while ($result = pg_get_result($db)) {
        $state = pg_result_error_field($result, PGSQL_DIAG_SQLSTATE);
        show('sent', pg_result_status($result), $state, pg_fetch_all($result));
    }
    pg_send_query($db, 'SELECT pg_sleep(60)');
    until_running(pg_get_pid($db));
    show('cancelled', pg_cancel_query($db), pg_connection_busy($db));
    show('copied', pg_copy_to($db, 'driven'));
    pg_query($db, 'CREATE TEMP TABLE own (id int)');
    show('copied in', pg_copy_from($db, 'own', ["1\n"]));
    show('ping', pg_ping($db), pg_version($db)['server'], pg_parameter_status($db, 'DateStyle'));
    pg_close($db);
}

connects();
$db = connected();
show('created', $db->exec(getenv('DRIVEN_DDL')));
$deadline = microtime(true) + 30;
while (rows($db, 'SELECT count(*) FROM driven')[0][0] != getenv('DRIVEN_ROWS')) {
    microtime(true) < $deadline || exit('the rows did not come');
    usleep(20_000);
}
foreach (['reads', 'prepares', 'transactions', 'cursors', 'copies', 'notifications'] as $part) {
    $part($db);
}
procedural();
show('dropped', $db->exec('DROP TABLE driven'));
fail('gone', fn () => rows($db, 'SELECT FROM driven'));
