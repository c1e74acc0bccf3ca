// What the JDBC driver does with the backend library; prints one JSON report.
//
//   java -cp postgresql.jar JdbcBackend.java URL [PROPERTY=VALUE...]

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

public class JdbcBackend {
    static String quoted(String text) {
        return text == null ? "null" : "\"" + text.replace("\"", "\\\"") + "\"";
    }

    static String list(ResultSet rows) throws SQLException {
        List<String> values = new ArrayList<>();
        while (rows.next()) values.add(quoted(rows.getString(1)));
        return "[" + String.join(", ", values) + "]";
    }

    static String simple(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return list(statement.executeQuery(query));
        }
    }

    /** Two statements in turn, often enough for the driver to prepare both on the server. */
    static String prepared(Connection connection) throws SQLException {
        try (PreparedStatement one = connection.prepareStatement("echo one");
                PreparedStatement two = connection.prepareStatement("echo two")) {
            String last = "";
            for (int i = 0; i < 10; i++) {
                last = list(one.executeQuery()) + ", " + list(two.executeQuery());
            }
            return "[" + last + "]";
        }
    }

    static String stateOf(SQLException error) {
        return quoted(error.getSQLState());
    }

    static String parameterised(Connection connection) {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
            statement.setInt(1, 42);
            return list(statement.executeQuery());
        } catch (SQLException error) {
            return stateOf(error);
        }
    }

    static String failing(Connection connection) {
        try {
            return simple(connection, "typo");
        } catch (SQLException error) {
            return stateOf(error);
        }
    }

    static String report(Connection connection) throws SQLException {
        return "{\"simple\": " + simple(connection, "echo grüße")
                + ", \"prepared\": " + prepared(connection)
                + ", \"parameterised\": " + parameterised(connection)
                + ", \"failing\": " + failing(connection)
                + ", \"many\": " + simple(connection, "rows 300")
                + ", \"after\": " + simple(connection, "echo after")
                + "}\n";
    }

    /** The report, or the SQLSTATE with which the server refuses the login. */
    static String connectAndReport(String url, Properties properties) throws SQLException {
        Connection connection;
        try {
            connection = DriverManager.getConnection(url, properties);
        } catch (SQLException error) {
            return "{\"refused\": " + stateOf(error) + "}\n";
        }
        try (connection) {
            return report(connection);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        for (int i = 1; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            properties.setProperty(parts[0], parts[1]);
        }
        String report = connectAndReport(arguments[0], properties);
        System.out.write(report.getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
