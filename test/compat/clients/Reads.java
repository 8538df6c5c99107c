// Creates a table by pgjdbc, waits for its rows, and prints everything it reads, a line a step.
// Arguments: JDBC URL, CREATE TABLE statement, number of rows to wait for.

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.Arrays;
import org.postgresql.PGConnection;

public final class Reads {
  private static final int REPEATS = 8;

  public static void main(String[] args) throws Exception {
    String url = args[0];
    try (Connection c = DriverManager.getConnection(url)) {
      try (Statement s = c.createStatement()) {
        show("created", s.executeUpdate(args[1]));
      }
      await(c, Integer.parseInt(args[2]));
      plain(c);
      prepared(c);
      transactions(c);
      cursors(c);
      batches(c);
      metadata(c);
      cancel(c, url);
    }
    for (String mode : new String[] {"simple", "extendedForPrepared", "extendedCacheEverything"}) {
      try (Connection c = DriverManager.getConnection(url + "&preferQueryMode=" + mode)) {
        for (int i = 0; i < REPEATS; i++) {
          one(c, mode, i % 3 + 1);
        }
        show(mode, c.isValid(2));
      }
    }
    try (Connection c = DriverManager.getConnection(url + "&binaryTransfer=true&prepareThreshold=-1")) {
      for (int i = 0; i < 3; i++) {
        try (PreparedStatement s = c.prepareStatement("SELECT * FROM driven WHERE id < ? ORDER BY id")) {
          s.setInt(1, 4);
          show("binary at once", rows(s.executeQuery()));
        }
      }
    }
  }

  private static void await(Connection c, int wanted) throws Exception {
    long deadline = System.nanoTime() + 30_000_000_000L;
    try (Statement s = c.createStatement()) {
      while (true) {
        ResultSet r = s.executeQuery("SELECT count(*) FROM driven");
        r.next();
        if (r.getInt(1) == wanted) return;
        if (System.nanoTime() > deadline) throw new IllegalStateException("the rows did not come");
      }
    }
  }

  private static void plain(Connection c) throws SQLException {
    try (Statement s = c.createStatement()) {
      show("rows", rows(s.executeQuery("SELECT * FROM driven ORDER BY id")));
      s.setMaxRows(3);
      show("max rows", rows(s.executeQuery("SELECT id FROM driven ORDER BY id")));
      s.setMaxRows(0);
      s.execute("SELECT 1; SELECT count(*) FROM driven; SELECT 2");
      show("several", rows(s.getResultSet()));
      while (s.getMoreResults()) show("several", rows(s.getResultSet()));
      show("empty", s.execute(""));
    }
  }

  /** From the 6th execution the driver uses a named statement and binary results. */
  private static void prepared(Connection c) throws SQLException {
    String sql = "SELECT * FROM driven WHERE id >= ? AND label LIKE ? ORDER BY id";
    try (PreparedStatement s = c.prepareStatement(sql)) {
      show("parameters", s.getParameterMetaData().getParameterTypeName(1));
      describe(s.getMetaData());
      for (int i = 0; i < REPEATS; i++) {
        s.setInt(1, i % 4);
        s.setString(2, "row%");
        show("prepared " + i, rows(s.executeQuery()));
      }
    }
    String typed = "SELECT id FROM driven WHERE at < ? OR amount = ? OR ok = ? ORDER BY 1";
    try (PreparedStatement s = c.prepareStatement(typed)) {
      for (int i = 0; i < REPEATS; i++) {
        s.setTimestamp(1, Timestamp.valueOf("2024-01-01 00:00:02"));
        s.setBigDecimal(2, new java.math.BigDecimal("1.25"));
        s.setBoolean(3, false);
        show("typed " + i, rows(s.executeQuery()));
      }
    }
    try (PreparedStatement s = c.prepareStatement("SELECT id FROM driven WHERE id = ANY(?) ORDER BY 1")) {
      for (int i = 0; i < REPEATS; i++) {
        s.setArray(1, c.createArrayOf("int4", new Integer[] {i, 2, 99}));
        show("array " + i, rows(s.executeQuery()));
      }
    }
  }

  private static void transactions(Connection c) throws SQLException {
    for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ}) {
      c.setTransactionIsolation(level);
      c.setAutoCommit(false);
      one(c, "in a transaction", 1);
      try (Statement s = c.createStatement()) {
        s.executeQuery("SELECT nope FROM driven");
      } catch (SQLException e) {
        show("error", e.getSQLState() + " " + e.getMessage());
      }
      try {
        one(c, "in a failed transaction", 1);
      } catch (SQLException e) {
        show("failed", e.getSQLState());
      }
      c.rollback();
      java.sql.Savepoint before = c.setSavepoint();
      try (Statement s = c.createStatement()) {
        s.executeQuery("SELECT 1/(id - 1) FROM driven").next();
      } catch (SQLException e) {
        show("error", e.getSQLState() + " " + e.getMessage());
      }
      c.rollback(before);
      one(c, "behind a savepoint", 2);
      c.commit();
      c.setAutoCommit(true);
    }
    c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
  }

  /** Portals that are read on over many Executes. */
  private static void cursors(Connection c) throws SQLException {
    c.setAutoCommit(false);
    c.setReadOnly(true);
    String sql = "SELECT * FROM driven WHERE id > ? ORDER BY id";
    try (PreparedStatement s = c.prepareStatement(sql); PreparedStatement other = c.prepareStatement(sql)) {
      s.setFetchSize(2);
      for (int i = 0; i < REPEATS; i++) {
        s.setInt(1, 0);
        ResultSet r = s.executeQuery();
        r.next();
        other.setInt(1, 3);
        show("beside a cursor " + i, rows(other.executeQuery()));
        show("cursor " + i, r.getInt(1) + "," + rows(r));
      }
    }
    c.commit();
    c.setReadOnly(false);
    c.setAutoCommit(true);
  }

  private static void batches(Connection c) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.execute("CREATE TEMP TABLE batched (id int, label text)");
    }
    try (PreparedStatement s = c.prepareStatement("INSERT INTO batched SELECT id, label FROM driven WHERE id = ?")) {
      for (int i = 0; i < 4; i++) {
        s.setInt(1, i);
        s.addBatch();
      }
      show("batch", Arrays.toString(s.executeBatch()));
    }
    try (Statement s = c.createStatement()) {
      show("batched", rows(s.executeQuery("SELECT * FROM batched ORDER BY 1")));
    }
  }

  private static void metadata(Connection c) throws SQLException {
    DatabaseMetaData m = c.getMetaData();
    show("tables", rows(m.getTables(null, "public", "driv%", new String[] {"TABLE"})));
    show("columns", rows(m.getColumns(null, "public", "driven", "%")));
    show("keys", rows(m.getPrimaryKeys(null, "public", "driven")));
    show("indexes", rows(m.getIndexInfo(null, "public", "driven", false, true)).replaceAll("[\\d.E]+\\|", "#|"));
    show("imported", rows(m.getImportedKeys(null, "public", "driven")));
    show("exported", rows(m.getExportedKeys(null, "public", "driven")));
    show("privileges", rows(m.getTablePrivileges(null, "public", "driven")));
    show("best row", rows(m.getBestRowIdentifier(null, "public", "driven", DatabaseMetaData.bestRowSession, true)));
    show("types", rows(m.getTypeInfo()).length() > 1000);
    show("catalogs", m.getDatabaseProductVersion());
    show("functions", rows(m.getFunctions(null, "pg_catalog", "lower")));
    try (Statement s = c.createStatement()) {
      describe(s.executeQuery("SELECT id, label AS other, amount * 2 FROM driven").getMetaData());
      ResultSet r = s.executeQuery("SELECT * FROM driven LIMIT 0");
      describe(r.getMetaData());
    }
  }

  private static void cancel(Connection c, String url) throws Exception {
    int pid = c.unwrap(PGConnection.class).getBackendPID();
    try (Statement s = c.createStatement(); Connection watch = DriverManager.getConnection(url)) {
      Thread canceller = new Thread(() -> {
        try {
          untilAsleep(watch, pid);
          s.cancel();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      });
      canceller.start();
      try {
        s.executeQuery("SELECT pg_sleep(60)");
      } catch (SQLException e) {
        show("cancelled", e.getSQLState());
      }
      canceller.join();
      s.setQueryTimeout(1);
      try {
        s.executeQuery("SELECT pg_sleep(60)");
      } catch (SQLException e) {
        show("timed out", e.getSQLState());
      }
    }
    one(c, "afterwards", 3);
  }

  /** Waits until a backend runs pg_sleep; the server paces the asking. */
  private static void untilAsleep(Connection watch, int pid) throws SQLException {
    long deadline = System.nanoTime() + 30_000_000_000L;
    String asking = "SELECT FROM pg_stat_activity, pg_sleep(0.01) WHERE pid = ? AND state = 'active' AND query LIKE '%sleep(60)%'";
    try (PreparedStatement s = watch.prepareStatement(asking)) {
      s.setInt(1, pid);
      while (!s.executeQuery().next()) {
        if (System.nanoTime() > deadline) throw new IllegalStateException("the statement did not come");
      }
    }
  }

  private static void one(Connection c, String step, int id) throws SQLException {
    try (PreparedStatement s = c.prepareStatement("SELECT id, label, amount FROM driven WHERE id = ?")) {
      s.setInt(1, id);
      show(step, rows(s.executeQuery()));
    }
  }

  private static void describe(ResultSetMetaData m) throws SQLException {
    for (int i = 1; i <= m.getColumnCount(); i++) {
      show("column " + i, String.join("|", m.getColumnLabel(i), m.getColumnName(i), m.getTableName(i),
          m.getSchemaName(i), m.getColumnTypeName(i), m.getColumnClassName(i), "" + m.getPrecision(i),
          "" + m.getScale(i), "" + m.isNullable(i), "" + m.isAutoIncrement(i)));
    }
  }

  private static String rows(ResultSet r) throws SQLException {
    StringBuilder text = new StringBuilder();
    int columns = r.getMetaData().getColumnCount();
    while (r.next()) {
      for (int i = 1; i <= columns; i++) text.append(r.getString(i)).append('|');
      text.append('\n');
    }
    return text.toString();
  }

  private static void show(String step, Object value) {
    System.out.println(step + ": " + value);
  }
}
