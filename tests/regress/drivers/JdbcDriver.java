// What a program with the JDBC driver does, through a URL; prints one JSON report.
//
//   PGPASSWORD=... java -cp postgresql.jar JdbcDriver.java URL CA BYTES

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HexFormat;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

public class JdbcDriver {
    static Connection connect(String url, String ca, String name) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", "app");
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("sslmode", "verify-full");
        properties.setProperty("sslrootcert", ca);
        properties.setProperty("ApplicationName", name);
        return DriverManager.getConnection(url, properties);
    }

    /** Numbered lines, at least `total` bytes of them. */
    static class Lines extends InputStream {
        final long total;
        final MessageDigest digest = MessageDigest.getInstance("SHA-256");
        long written = 0;
        long number = 0;
        byte[] block = new byte[0];
        int position = 0;

        Lines(long total) throws Exception {
            this.total = total;
        }

        boolean fill() {
            if (position < block.length) return true;
            if (written >= total) return false;
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 1000; i++) {
                text.append(number++).append(' ').append("abcdefghij".repeat(9)).append('\n');
            }
            block = text.toString().getBytes(StandardCharsets.UTF_8);
            digest.update(block);
            written += block.length;
            position = 0;
            return true;
        }

        @Override
        public int read() {
            return fill() ? block[position++] & 0xff : -1;
        }

        @Override
        public int read(byte[] to, int offset, int length) {
            if (!fill()) return -1;
            int count = Math.min(length, block.length - position);
            System.arraycopy(block, position, to, offset, count);
            position += count;
            return count;
        }
    }

    static class Digester extends OutputStream {
        final MessageDigest digest = MessageDigest.getInstance("SHA-256");
        long count = 0;

        Digester() throws Exception {}

        @Override
        public void write(int value) {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] data, int offset, int length) {
            digest.update(data, offset, length);
            count += length;
        }
    }

    static String parameters(Connection connection) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT ?::int + 1, ?::text")) {
            String result = "";
            for (int i = 0; i < 10; i++) {  // enough for the driver to prepare it on the server
                statement.setInt(1, 41);
                statement.setString(2, "grüße");
                ResultSet rows = statement.executeQuery();
                rows.next();
                result = "[" + rows.getInt(1) + ", \"" + rows.getString(2) + "\"]";
            }
            return result;
        }
    }

    static String copy(Connection connection, long bytes) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE bulk (line text)");
        }
        CopyManager manager = connection.unwrap(PGConnection.class).getCopyAPI();
        Lines lines = new Lines(bytes);
        manager.copyIn("COPY bulk FROM STDIN", lines, 65536);
        Digester received = new Digester();
        manager.copyOut("COPY bulk TO STDOUT", received);
        return String.format(
                "\"bytes\": %d, \"sent\": \"%s\", \"received\": \"%s\"",
                received.count,
                HexFormat.of().formatHex(lines.digest.digest()),
                HexFormat.of().formatHex(received.digest.digest()));
    }

    static String notification(Connection listening, Connection other) throws SQLException {
        try (Statement listen = listening.createStatement();
                Statement notify = other.createStatement()) {
            listen.execute("LISTEN news");
            notify.execute("NOTIFY news, 'from elsewhere'");
        }
        PGNotification[] received = listening.unwrap(PGConnection.class).getNotifications(20000);
        return received.length == 0 ? "" : received[0].getParameter();
    }

    static String cancel(Connection connection, Connection other) throws Exception {
        try (Statement sleeping = connection.createStatement();
                Statement watching = other.createStatement()) {
            CompletableFuture<String> outcome = CompletableFuture.supplyAsync(() -> {
                try {
                    sleeping.execute("SELECT pg_sleep(100)");
                    return "not cancelled";
                } catch (SQLException error) {
                    return error.getSQLState();
                }
            });
            ResultSet rows;
            do {
                rows = watching.executeQuery(
                        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'jdbc-main'"
                                + " AND state = 'active' AND query LIKE '%pg_sleep%'");
            } while (!rows.next());
            sleeping.cancel();
            return outcome.get();
        }
    }

    public static void main(String[] arguments) throws Exception {
        Connection main = connect(arguments[0], arguments[1], "jdbc-main");
        Connection other = connect(arguments[0], arguments[1], "jdbc-other");
        StringBuilder report = new StringBuilder("{");
        report.append("\"parameters\": ").append(parameters(main)).append(", ");
        report.append(copy(main, Long.parseLong(arguments[2]))).append(", ");
        report.append("\"notified\": \"").append(notification(main, other)).append("\", ");
        report.append("\"cancelled\": \"").append(cancel(main, other)).append("\", ");
        ResultSet one = main.createStatement().executeQuery("SELECT 1");
        one.next();
        report.append("\"after\": ").append(one.getInt(1)).append("}");
        other.close();
        main.close();
        System.out.write(report.append("\n").toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
