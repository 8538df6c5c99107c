# Creates a table by ruby-pg, prints everything it reads, a line a step, and drops the table.
# The test that starts it says where and what (test/compat/support/driven.ts).
require 'pg'

$stdout.sync = true
Encoding.default_external = Encoding::UTF_8
REPEATS = 4
NAMES = (0..13).map { |i| "d#{i}" }
ENDLESS = "SELECT count(*) FROM #{NAMES.map { |name| "driven #{name}" }.join(', ')} " \
          "WHERE #{NAMES.map { |name| "#{name}.id" }.join(' + ')} < 0".freeze
CONDITIONS = [
  ['id = $1', 3], ['big = $1', 9_007_199_254_740_993], ['amount = $1', '1.25'], ['ok = $1', true],
  ['label = $1', 'row 7'], ['note = $1', 'Grüße €😀'], ['day < $1', '2024-02-22'],
  ['key = $1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], ['id = ANY($1)', '{1,4,99}'],
  ['note IS NOT DISTINCT FROM $1', nil]
].freeze
FIELDS = [
  PG::PG_DIAG_SEVERITY, PG::PG_DIAG_SQLSTATE, PG::PG_DIAG_MESSAGE_PRIMARY,
  PG::PG_DIAG_STATEMENT_POSITION, PG::PG_DIAG_CONTEXT
].freeze

def show(step, *values)
  puts "#{step}: #{values.map(&:inspect).join(' ')}"
end

# Shows the error that the attempt must raise.
def fail(step)
  show(step, 'no error', yield)
rescue PG::Error => e
  show(step, e.class, e.message, e.result && FIELDS.map { |field| e.result.error_field(field) })
end

# Where the session's last SELECT was answered.
def route(db, step)
  return unless ENV['SHOWS_ROUTE'] == '1'

  puts "route #{step}: #{db.exec('SHOW jetgres.last_route').getvalue(0, 0)}"
end

# Waits until the backend is at a statement to be cancelled.
def wait_until_running(pid)
  watch = PG.connect
  deadline = Time.now + 30
  while watch.exec(ENV.fetch('DRIVEN_RUNNING').sub('PID', pid.to_s)).getvalue(0, 0) == '0'
    abort 'the statement did not come' if Time.now > deadline
  end
  watch.close
end

def connects
  given = PG.connect(application_name: 'ruby', options: '-c DateStyle=German')
  %w[application_name DateStyle].each { |name| show(name, given.exec("SHOW #{name}").values) }
  show('connection', given.server_version, given.protocol_version)
  show('zone', given.parameter_status('TimeZone'))
  show('status', given.transaction_status, given.internal_encoding, given.ssl_in_use?)
  given.close
  show('ping', PG::Connection.ping('') == PG::PQPING_OK)
  fail('no such database') { PG.connect(dbname: 'nowhere') }
end

def reads(db)
  all = db.exec('SELECT * FROM driven ORDER BY id')
  all.nfields.times do |i|
    show(all.fname(i), all.ftype(i), all.fmod(i), all.fsize(i), all.ftablecol(i))
  end
  show('table', all.ftable(0) == db.exec("SELECT 'driven'::regclass::oid").getvalue(0, 0).to_i)
  show('rows', all.cmd_status, all.values)
  show('binary', db.exec_params('SELECT * FROM driven ORDER BY id', [], 1).values)
  CONDITIONS.each do |condition, value|
    text = "SELECT id FROM driven WHERE #{condition} ORDER BY id"
    show(condition, db.exec_params(text, [value]).values)
  end
  binary = { value: [3].pack('N'), type: 23, format: 1 }
  by_id = 'SELECT label FROM driven WHERE id = $1'
  show('binary parameter', db.exec_params(by_id, [binary]).values)
  route(db, 'by parameter')
  show('several', db.exec('SELECT 1; SELECT count(*) FROM driven').values)
  show('none', db.exec('SELECT * FROM driven WHERE false').to_a, db.exec('').result_status)
end

def maps(db)
  db.type_map_for_results = PG::BasicTypeMapForResults.new(db)
  db.type_map_for_queries = PG::BasicTypeMapForQueries.new(db)
  text = 'SELECT id, label, ratio, ok, at, day, amount, bytes FROM driven ORDER BY id'
  show('mapped', db.exec(text).values)
  binary = 'SELECT id, small, big, ratio, single, ok, at, moment, bytes FROM driven ORDER BY id'
  show('mapped, binary', db.exec_params(binary, [], 1).values)
  some = 'SELECT id FROM driven WHERE id < $1 AND ok = $2 ORDER BY 1'
  show('mapped parameters', db.exec_params(some, [4, true]).values)
  db.type_map_for_results = PG::TypeMapAllStrings.new
  db.type_map_for_queries = PG::TypeMapAllStrings.new
end

def prepares(db)
  db.prepare('by id', 'SELECT label, at FROM driven WHERE id = $1')
  description = db.describe_prepared('by id')
  show('parameters', description.nparams, description.paramtype(0))
  show('described', description.fields, description.ftype(1))
  REPEATS.times do |i|
    show('prepared', *[0, 1].map { |format| db.exec_prepared('by id', [i], format).values })
  end
  route(db, 'prepared')
  show('by SQL', db.exec('EXECUTE "by id" (5)').values)
  db.exec('DEALLOCATE "by id"')
  fail('deallocated') { db.exec_prepared('by id', [1]) }
end

def transactions(db)
  db.transaction do
    show('in', db.transaction_status, db.exec('SELECT count(*) FROM driven').values)
    db.exec('SAVEPOINT here')
    fail('unknown') { db.exec('SELECT nope FROM driven') }
    show('failed', db.transaction_status)
    fail('in a failed') { db.exec('SELECT count(*) FROM driven') }
    db.exec('ROLLBACK TO here')
    db.exec('DECLARE c CURSOR FOR SELECT id FROM driven ORDER BY id')
    cursor = db.describe_portal('c')
    show('cursor', cursor.fields, cursor.ftype(0))
    show('fetched', db.exec('FETCH 3 FROM c').values, db.exec('MOVE ALL IN c').cmd_status)
  end
  fail('undone') { db.transaction { db.exec('SELECT 1/(id - 2) FROM driven') } }
  ['* FROM driven WHERE', 'label::int FROM driven', 'FROM nowhere'].each do |selected|
    text = "SELECT #{selected}"
    fail(text) { db.exec(text) }
    fail("#{text}, parsed") { db.exec_params(text, []) }
  end
  fail('bad value') { db.exec_params('SELECT id FROM driven WHERE id = $1', ['x']) }
  fail('too many') { db.exec_params('SELECT id FROM driven WHERE id = $1', [1, 2]) }
end

def streams(db)
  db.send_query('SELECT id, label FROM driven ORDER BY id')
  db.set_single_row_mode
  rows = db.get_result.stream_each_row.to_a
  show('single rows', rows, db.get_result, db.exec('SELECT 1').values)
end

def pipelines(db)
  db.enter_pipeline_mode
  ['label FROM driven WHERE id = 1', 'now() IS NULL', 'count(*) FROM driven'].each do |selected|
    db.send_query_params("SELECT #{selected}", [])
  end
  db.pipeline_sync
  3.times { show('pipelined', db.get_result.values, db.get_result) }
  show('synced', db.get_result.result_status == PG::PGRES_PIPELINE_SYNC)
  db.send_query_params('SELECT 1/(id - 2) FROM driven ORDER BY id', [])
  db.send_query_params('SELECT id FROM driven', [])
  db.pipeline_sync
  fail('failed in a pipeline') { db.get_result.check }
  db.get_result
  show('aborted', db.get_result.result_status == PG::PGRES_PIPELINE_ABORTED, db.get_result)
  show('synced', db.get_result.result_status == PG::PGRES_PIPELINE_SYNC)
  db.exit_pipeline_mode
end

def copies(db)
  [
    'COPY driven TO STDOUT', 'COPY driven (id, tags) TO STDOUT CSV',
    'COPY (SELECT * FROM driven ORDER BY id) TO STDOUT BINARY'
  ].each do |text|
    got = []
    db.copy_data(text) { while (row = db.get_copy_data) do got << row end }
    show(text, got)
  end
  decoder = PG::TextDecoder::CopyRow.new
  db.copy_data('COPY driven (id, label, tags) TO STDOUT', decoder) do
    while (row = db.get_copy_data) do show('decoded', row) end
  end
  db.exec('CREATE TEMP TABLE own (a int, b text)')
  db.copy_data('COPY own FROM STDIN', PG::TextEncoder::CopyRow.new) do
    [[1, "one\t"], [8, nil]].each { |row| db.put_copy_data(row) }
  end
  fail('bad copy') { db.copy_data('COPY own FROM STDIN') { db.put_copy_data("x\ty\n") } }
  show('joined', db.exec('SELECT a, b, label FROM own JOIN driven ON id = a ORDER BY a').values)
end

def cancels(db)
  ['SELECT pg_sleep(60)', ENDLESS].each do |text|
    db.send_query(text)
    wait_until_running(db.backend_pid)
    show('cancel', db.cancel)
    fail('cancelled') { db.get_last_result }
  end
  db.exec('SET statement_timeout = 200')
  fail('out of time') { db.exec_params(ENDLESS, []) }
  db.exec('RESET ALL')
end

def notifications(db)
  said = []
  db.set_notice_processor { |message| said << message }
  db.exec("DO $$ BEGIN RAISE NOTICE 'noted %', (SELECT count(*) FROM driven); END $$")
  db.exec('LISTEN told')
  db.exec('SELECT id FROM driven')
  other = PG.connect
  other.exec("NOTIFY told, 'word'")
  heard = db.wait_for_notify(10) { |channel, _pid, payload| show('heard', channel, payload) }
  show('noted', heard, said)
  other.close
end

connects
db = PG.connect
show('created', db.exec(ENV.fetch('DRIVEN_DDL')).cmd_status)
deadline = Time.now + 30
until db.exec('SELECT count(*) FROM driven').getvalue(0, 0) == ENV.fetch('DRIVEN_ROWS')
  abort 'the rows did not come' if Time.now > deadline
  sleep 0.02
end
%i[reads maps prepares transactions streams pipelines copies cancels notifications].each do |part|
  send(part, db)
end
show('dropped', db.exec('DROP TABLE driven').cmd_status)
fail('gone') { db.exec('SELECT FROM driven') }
db.close
