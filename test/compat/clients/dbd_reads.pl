# Creates a table by DBD::Pg, prints everything it reads, a line a step, and drops the table.
# The test that starts it says where and what (test/compat/support/driven.ts).
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg ':pg_types';
use JSON::PP;

binmode STDOUT, ':utf8';
binmode STDERR, ':utf8';
$| = 1;
my $repeats = 4;
my $endless =
    'SELECT count(*) FROM '
  . join(', ', map { "driven d$_" } 0 .. 13)
  . ' WHERE '
  . join(' + ', map { "d$_.id" } 0 .. 13) . ' < 0';
my $json = JSON::PP->new->canonical->allow_nonref->allow_blessed;

sub show {
  my ($step, @values) = @_;
  print "$step: ", join(' ', map { $json->encode($_) } @values), "\n";
}

# Shows the error that the attempt must raise.
sub fail {
  my ($step, $attempt) = @_;
  my @got = eval { $attempt->() };
  if ($@) { show($step, $DBI::state, $DBI::err, $DBI::errstr) }
  else    { show($step, 'no error', @got) }
}

# Where the session's last SELECT was answered.
sub route {
  my ($db, $step) = @_;
  print "route $step: ", $db->selectrow_array('SHOW jetgres.last_route'), "\n" if $ENV{SHOWS_ROUTE};
}

sub connected {
  my ($options, %attributes) = @_;
  return DBI->connect(
    "dbi:Pg:$options", undef, undef,
    { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1, %attributes }
  );
}

# Waits until the backend is at a statement to be cancelled.
sub wait_until_running {
  my ($pid) = @_;
  my ($watch, $deadline) = (connected(''), time + 30);
  my $running = $ENV{DRIVEN_RUNNING} =~ s/PID/$pid/r;
  until ($watch->selectrow_array($running)) {
    die 'the statement did not come' if time > $deadline;
  }
  $watch->disconnect;
}

sub rows { my ($db, @rest) = @_; return $db->selectall_arrayref(@rest) }

sub connects {
  my $given = connected('application_name=dbd;options=--datestyle=German');
  show($_,     $given->selectrow_array("SHOW $_")) for qw(application_name DateStyle);
  show('ping', $given->ping, $given->pg_ping, $given->{pg_protocol}, $given->{pg_server_version});
  show('encoding', $given->{pg_enable_utf8}, $given->{pg_standard_conforming_strings});
  $given->disconnect;
  show('ping behind the end', $given->ping, $given->pg_ping);
  fail('no such database', sub { connected('dbname=nowhere') });
}

sub introspects {
  my ($db) = @_;

  # Relations' live children have a schema of their own, which everybody sees.
  show('tables', [grep { !/^jetgres/ } $db->tables(undef, undef, '%', 'TABLE')]);
  for my $sheet (
    $db->table_info(undef, 'public', 'dri%', 'TABLE'),
    $db->column_info(undef, 'public', 'driven', '%'),
    $db->primary_key_info(undef, 'public', 'driven'),
    $db->statistics_info(undef, 'public', 'driven', 1, 1)
    )
  {
    show('info', $sheet->{NAME}, [map { [@$_] } @{ $sheet->fetchall_arrayref }]);
  }
  show('key', $db->primary_key(undef, undef, 'driven'),
    $db->foreign_key_info(undef, undef, 'driven', undef, undef, undef) ? 1 : 0);
  show('types', scalar @{ $db->type_info_all });
  show('quoted', $db->quote("it's \\ €"), $db->quote_identifier('a "b"'),
    $db->quote("\0\xff", { pg_type => PG_BYTEA }));
}

sub reads {
  my ($db) = @_;
  my $all = $db->prepare('SELECT * FROM driven ORDER BY id');
  $all->execute;
  show('columns', $all->{NAME}, $all->{TYPE}, $all->{pg_type}, $all->{PRECISION}, $all->{SCALE},
    $all->{NULLABLE});
  show('rows', $all->rows, $all->fetchall_arrayref);
  for my $prepared (0, 1) {
    $db->{pg_server_prepare} = $prepared;
    for my $switch (0, 1) {
      my $by_id =
        $db->prepare('SELECT id, label, at, bytes FROM driven WHERE id = ? AND label LIKE ?',
        { pg_prepare_now => $switch });
      for my $id (1 .. $repeats) {
        $by_id->execute($id, 'row%');
        show('by id', $by_id->{pg_prepare_name} ? 'named' : 'unnamed', $by_id->fetchrow_hashref);
      }
      route($db, "by id, $prepared");
    }
  }
  my $conditions = 'bytes = ? OR amount = ? OR ok = ? OR key = ? OR id = ANY(?)';
  my $typed      = $db->prepare("SELECT id FROM driven WHERE $conditions ORDER BY id");
  $typed->bind_param(1, "\x00\xff'", { pg_type => PG_BYTEA });
  $typed->bind_param(2, '1.25',      { pg_type => PG_NUMERIC });
  $typed->bind_param(3, undef,       { pg_type => PG_BOOL });
  $typed->bind_param(4, '00000000-0000-0000-0000-000000000000');
  $typed->bind_param(5, [7, 8]);
  for (1 .. $repeats) { $typed->execute; show('typed', $typed->fetchall_arrayref) }
  my $dollars = $db->prepare('SELECT label, $2::text FROM driven WHERE id = $1');
  $dollars->execute(3, 'x');
  show('dollars', $dollars->fetchrow_array);
  show('hash',    $db->selectall_hashref('SELECT id, label FROM driven WHERE id < 3', 'id'));
  show('column',  $db->selectcol_arrayref('SELECT tags FROM driven ORDER BY id'));
  show('none', rows($db, 'SELECT * FROM driven WHERE false'),
    rows($db, 'SELECT count(*), max(at), sum(amount) FROM driven'));
  show('do',    $db->do('SELECT id FROM driven'), $db->do('SELECT 1; SELECT id FROM driven'));
  show('empty', $db->do(''),                      $db->do('/* driven */'));
}

sub transactions {
  my ($db) = @_;
  $db->begin_work;
  show('in', $db->pg_ping, $db->ping, rows($db, 'SELECT count(*) FROM driven'));
  $db->pg_savepoint('here');
  fail('unknown', sub { rows($db, 'SELECT nope FROM driven') });
  show('failed', $db->pg_ping, $db->ping);
  fail('in a failed', sub { rows($db, 'SELECT count(*) FROM driven WHERE id = ?', {}, 1) });
  $db->pg_rollback_to('here');
  show('behind', $db->ping, rows($db, 'SELECT count(*) FROM driven WHERE id = ?', {}, 1));
  $db->rollback;

  for my $text ('SELECT * FROM driven WHERE', 'SELECT 1/(id - 2) FROM driven',
    'SELECT label::int FROM driven', 'SELECT FROM nowhere')
  {
    fail($text, sub { rows($db, $text) });
    fail("$text, prepared", sub { rows($db, "$text /* ? */ -- ", {}) });
  }
  fail('bad value', sub { rows($db, 'SELECT id FROM driven WHERE id = ?', {}, 'x') });
  show('fields',
    map { $db->pg_error_field($_) } qw(severity sqlstate primary statement_position context));
  $db->begin_work;
  $db->do('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  show('repeatable', rows($db, 'SELECT count(*) FROM driven'),
    rows($db, 'SELECT max(id) FROM driven'));
  $db->commit;
}

sub cursors {
  my ($db) = @_;
  $db->begin_work;
  $db->do('DECLARE c SCROLL CURSOR FOR SELECT id, label FROM driven ORDER BY id');
  show('fetched', rows($db, 'FETCH 2 FROM c'), rows($db, 'FETCH LAST FROM c'),
    rows($db, 'FETCH BACKWARD 3 FROM c'));
  show('moved', $db->do('MOVE FIRST IN c'), $db->do('CLOSE c'));
  $db->commit;
}

sub copies {
  my ($db) = @_;
  for my $text ('COPY driven TO STDOUT', 'COPY driven (id, tags) TO STDOUT CSV HEADER',
    'COPY (SELECT * FROM driven ORDER BY id DESC) TO STDOUT BINARY')
  {
    $db->do($text);
    my ($row, @rows) = ('');
    push @rows, $row while $db->pg_getcopydata($row) >= 0;
    show($text, \@rows);
  }
  $db->do('CREATE TEMP TABLE own (a int, b text)');
  $db->do('COPY own FROM STDIN');
  $db->pg_putcopydata("$_\n") for "1\tone", "8\t\\N";
  show('copied', $db->pg_putcopyend,
    rows($db, 'SELECT a, b, label FROM own JOIN driven ON id = a ORDER BY 1'));
  $db->do('COPY own FROM STDIN');
  $db->pg_putcopydata("x\ty\n");
  fail('bad copy', sub { $db->pg_putcopyend });
  my $insert =
    $db->prepare('INSERT INTO own SELECT id, label FROM driven WHERE id = ? RETURNING a');
  my @status;
  show('array', $insert->execute_array({ ArrayTupleStatus => \@status }, [2, 3]), \@status);
}

sub asynchronous {
  my ($db) = @_;
  for my $text ('SELECT pg_sleep(60)', $endless) {
    my $running = $db->prepare($text, { pg_async => PG_ASYNC });
    $running->execute;
    wait_until_running($db->{pg_pid});
    show('running', $db->pg_ready);
    show('cancelled', $running->pg_cancel, $db->state);
  }
  my $quick =
    $db->prepare('SELECT id FROM driven WHERE id < ? ORDER BY 1', { pg_async => PG_ASYNC });
  $quick->execute(4);
  show('waited for', $quick->pg_result, $quick->fetchall_arrayref);
  $db->do('SET statement_timeout = 200');
  fail('out of time', sub { rows($db, $endless) });
  $db->do('RESET statement_timeout');
}

sub notifications {
  my ($db) = @_;
  my @said;
  local $SIG{__WARN__} = sub { push @said, @_ };
  $db->do('LISTEN told');
  rows($db, 'SELECT id FROM driven');
  my $other = connected('');
  $other->do("NOTIFY told, 'word'");

  # It comes when it comes: a SELECT that jetgres answers by itself does not fetch it.
  my ($heard, $patience) = (undef, 500);
  until ($heard = $db->pg_notifies or not $patience--) { select undef, undef, undef, 0.02 }
  show('heard', $heard->[0], $heard->[2], $db->pg_notifies);
  local $db->{PrintWarn} = 1;
  $db->do(q{DO $$ BEGIN RAISE NOTICE 'noted %', (SELECT count(*) FROM driven); END $$});
  show('noted', \@said);
  $other->disconnect;
}

connects();
my $db = connected('');
show('created', $db->do($ENV{DRIVEN_DDL}));
my $deadline = time + 30;
until ($db->selectrow_array('SELECT count(*) FROM driven') == $ENV{DRIVEN_ROWS}) {
  die 'the rows did not come' if time > $deadline;
  select undef, undef, undef, 0.02;
}
$_->($db)
  for \&introspects, \&reads, \&transactions, \&cursors, \&copies, \&notifications, \&asynchronous;
show('dropped', $db->do('DROP TABLE driven'));
fail('gone', sub { rows($db, 'SELECT FROM driven') });
$db->disconnect;
