// A short session that makes the JDBC driver use most of the frontend protocol: prepared
// statements, batches, a cursor, an error, COPY both ways, function calls, a notification.
//
//   java -cp postgresql.jar JdbcConversation.java URL

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class JdbcConversation {
    static void print(String what, ResultSet rows) throws SQLException {
        StringBuilder line = new StringBuilder(what);
        while (rows.next()) line.append(' ').append(rows.getString(1));
        System.out.println(line);
    }

    public static void main(String[] arguments) throws Exception {
        Connection connection = DriverManager.getConnection(arguments[0]);
        Statement statement = connection.createStatement();
        statement.execute("CREATE TEMP TABLE item(id int PRIMARY KEY, name text)");

        PreparedStatement insert = connection.prepareStatement("INSERT INTO item VALUES (?, ?)");
        for (int id = 1; id <= 20; id++) {
            insert.setInt(1, id);
            insert.setString(2, id % 5 == 0 ? null : "item " + id);
            insert.addBatch();
        }
        System.out.println("inserted " + insert.executeBatch().length);

        PreparedStatement select =
            connection.prepareStatement("SELECT name FROM item WHERE id = ?");
        for (int id = 1; id <= 7; id++) { // the driver names the statement at the fifth
            select.setInt(1, id);
            print("item", select.executeQuery());
        }

        try {
            insert.setInt(1, 1);
            insert.setString(2, "twice");
            insert.executeUpdate();
        } catch (SQLException refused) {
            System.out.println("refused " + refused.getSQLState());
        }

        connection.setAutoCommit(false);
        Statement cursor = connection.createStatement();
        cursor.setFetchSize(6);
        print("cursor", cursor.executeQuery("SELECT id FROM item ORDER BY id"));

        PGConnection postgres = connection.unwrap(PGConnection.class);
        long copied = postgres.getCopyAPI().copyIn(
            "COPY item FROM STDIN", new StringReader("21\tcopied\n22\t\\N\n"));
        StringWriter out = new StringWriter();
        postgres.getCopyAPI().copyOut("COPY (SELECT * FROM item WHERE id > 18) TO STDOUT", out);
        System.out.println("copied " + copied + "\n" + out);

        LargeObjectManager objects = postgres.getLargeObjectAPI();
        long oid = objects.createLO();
        LargeObject object = objects.open(oid);
        object.write("a large object".getBytes());
        object.seek(2);
        System.out.println(new String(object.read(5)));
        object.close();
        objects.delete(oid);
        connection.commit();

        connection.setAutoCommit(true);
        statement.execute("LISTEN news");
        statement.execute("NOTIFY news, 'hello'");
        System.out.println("notified " + postgres.getNotifications()[0].getParameter());
        connection.close();
    }
}
