#include "ctl/postgres.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(PostgresSettings, QuoteTheFolderOfTheSocket) {
    Postgres server;
    server.port = 1234;
    server.socket = "/tmp/it's";

    const auto text = render_postgres_settings(server);

    EXPECT_NE(text.find("\nport = 1234\n"), std::string::npos);
    EXPECT_NE(text.find("\nunix_socket_directories = '/tmp/it''s'\n"), std::string::npos);
    EXPECT_EQ(text.find("fsync"), std::string::npos);
}

TEST(PostgresPlace, LiesBelowTheClusterWhenThePathIsShort) {
    const Paths paths{"/srv/sluice"};

    const auto place = choose_postgres_place(paths, std::nullopt);

    EXPECT_EQ(place.data, "/srv/sluice/postgres");
    EXPECT_EQ(place.socket, "/srv/sluice/run/postgres");
}

TEST(PostgresPlace, TheSocketOfADeepFolderHasAShortPath) {
    const Paths paths{"/" + std::string(200, 'x')};

    const auto place = choose_postgres_place(paths, std::nullopt);

    EXPECT_EQ(place.data, paths.root / "postgres");
    EXPECT_LT(place.socket.string().size(), 80U);
    EXPECT_NE(place.socket, choose_postgres_place(Paths{"/" + std::string(201, 'x')}, {}).socket);
}

TEST(SqlLiteral, DoublesQuotes) { EXPECT_EQ(sql_literal("it's"), "'it''s'"); }

}  // namespace
}  // namespace sluice::ctl
