#include "backend/server/extended_query.hpp"

#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// Gives rows for texts that begin with "select".
class RowsHandler final : public Handler {
public:
    std::optional<ErrorFields> startup(const StartupMessage&) override { return std::nullopt; }
    std::optional<std::vector<Column>> describe(std::string_view query) override {
        ++described;
        if (!query.starts_with("select")) return std::nullopt;
        Column column;
        column.name = "data";
        return std::vector<Column>{column};
    }
    net::Awaitable<QueryOutcome> process_query(PostgresBackend&, std::string) override {
        co_return QueryOutcome();
    }
    int described = 0;
};

// What became of one message: the tags of the answer, or "run TEXT", "SQLSTATE TEXT", "violation".
class ExtendedQueryTest : public testing::Test {
protected:
    std::string take(char tag, std::string_view body) {
        out_.clear();
        auto step = query_.take(Frame{tag, as_bytes(body)}, out_, handler_);
        if (!step) return is_violation(step.error().code) ? "violation" : "other error";
        if (auto* failure = std::get_if<QueryError>(&*step)) {
            const ErrorFields& fields = failure->fields();
            EXPECT_EQ(fields.severity, "ERROR");
            // What is not there cannot be mended by the client, what it may do instead is told.
            const bool has_other_way = fields.code == "0A000" || fields.code == "53200";
            EXPECT_EQ(has_other_way, !fields.hint.empty()) << fields.message;
            if (failure->kind() == QueryError::Kind::internal)
                return "internal " + failure->cause();
            return fields.code + " " + fields.message;
        }
        if (auto* run = std::get_if<ExtendedQuery::Run>(&*step)) return "run " + run->query;
        return tags();
    }
    std::string tags() const {
        std::string result;
        FrameDecoder decoder(1U << 20U);
        for (ByteView rest = out_; !rest.empty();) {
            const auto frame = decoder.next(rest);
            result += (*frame)->tag;
            rest = rest.subspan((*frame)->size());
        }
        return result;
    }
    std::string prepare(std::string_view name, std::string_view text) {
        std::string body(name);
        body += '\0';
        body += text;
        return take('P', body + std::string("\0\0\0"sv));
    }
    // Binds the unnamed portal and executes it.
    std::string run(std::string_view statement) {
        const std::string bound = bind(statement);
        return bound == "2" ? take('E', "\0\0\0\0\0"sv) : bound;
    }
    std::string perform(std::string_view text) {
        out_.clear();
        const auto done = query_.perform(*find_session_command(text), out_);
        return done ? tags() : done.error().fields().code + " " + done.error().fields().message;
    }
    std::string bind(std::string_view statement) {
        std::string body = std::string("\0"sv);
        body += statement;
        return take('B', body + std::string("\0\0\0\0\0\0\0"sv));
    }

    RowsHandler handler_;
    Bytes out_;
    ExtendedQuery query_{ExtendedQuery::Limits{3, 100}};
};

TEST_F(ExtendedQueryTest, RunsAStatementStepByStep) {
    EXPECT_EQ(prepare("", "select 1"), "1");
    EXPECT_EQ(bind(""), "2");
    EXPECT_EQ(take('D', "P\0"sv), "T");
    EXPECT_EQ(take('E', "\0\0\0\0\0"sv), "run select 1");
    EXPECT_EQ(take('C', "P\0"sv), "3");
    EXPECT_FALSE(query_.skipping());
}

TEST_F(ExtendedQueryTest, DescribesStatementsWithTheirParameters) {
    prepare("a", "select 1");
    EXPECT_EQ(take('D', "Sa\0"sv), "tT");
    prepare("b", "set x");
    EXPECT_EQ(take('D', "Sb\0"sv), "tn");
    bind("b");
    EXPECT_EQ(take('D', "P\0"sv), "n");
}

TEST_F(ExtendedQueryTest, TwoStatementsKeepTheirTexts) {
    prepare("S_1", "select 1");
    prepare("S_2", "select 2");
    EXPECT_EQ(run("S_1"), "run select 1");
    EXPECT_EQ(run("S_2"), "run select 2");
    EXPECT_EQ(run("S_1"), "run select 1");
}

TEST_F(ExtendedQueryTest, TheUnnamedStatementIsReplaced) {
    prepare("", "select 1");
    prepare("", "select 2");
    EXPECT_EQ(run(""), "run select 2");
}

TEST_F(ExtendedQueryTest, DeallocateGivesOnePlaceBack) {
    for (const char* name : {"a", "b", "c"}) EXPECT_EQ(prepare(name, "select 1"), "1");
    EXPECT_EQ(perform("DEALLOCATE b"), "C");
    EXPECT_EQ(prepare("d", "select 1"), "1");
    EXPECT_EQ(run("a"), "run select 1");
    EXPECT_EQ(perform("DEALLOCATE b"), "26000 prepared statement \"b\" does not exist");
}

TEST_F(ExtendedQueryTest, AllNamedStatementsGoTogether) {
    for (const char* text : {"DEALLOCATE ALL", "DISCARD ALL"}) {
        SCOPED_TRACE(text);
        prepare("", "select 0");
        prepare("a", std::string(60, 'x'));
        bind("");
        EXPECT_EQ(perform(text), "C");
        EXPECT_EQ(bind("a"), "26000 prepared statement \"a\" does not exist");
        query_.on_sync();
        EXPECT_EQ(run(""), "run select 0");
        // What their texts took is free again.
        EXPECT_EQ(prepare("b", std::string(90, 'x')), "1");
        EXPECT_EQ(perform("DEALLOCATE b"), "C");
    }
}

TEST_F(ExtendedQueryTest, DiscardAllClosesThePortal) {
    prepare("", "select 1");
    bind("");
    EXPECT_EQ(perform("DEALLOCATE ALL"), "C");
    EXPECT_EQ(take('D', "P\0"sv), "T");
    EXPECT_EQ(perform("DISCARD ALL"), "C");
    EXPECT_EQ(take('D', "P\0"sv), "34000 portal \"\" does not exist");
}

TEST_F(ExtendedQueryTest, CommandsOfTheSessionHaveNoRows) {
    prepare("", "deallocate all");
    bind("");
    EXPECT_EQ(take('D', "P\0"sv), "n");
    EXPECT_EQ(take('E', "\0\0\0\0\1"sv), "run deallocate all");
    EXPECT_EQ(handler_.described, 0);
}

TEST_F(ExtendedQueryTest, AnEmptyTextIsNotRun) {
    prepare("", " ; ");
    EXPECT_EQ(bind(""), "2");
    EXPECT_EQ(take('D', "P\0"sv), "n");
    EXPECT_EQ(take('E', "\0\0\0\0\0"sv), "I");
}

TEST_F(ExtendedQueryTest, RefusesWhatItDoesNotHave) {
    struct Case {
        const char* name;
        char tag;
        std::string_view body;
        const char* answer;
    };
    const Case cases[] = {
        {"parameter types", 'P', "\0x\0\0\1\0\0\0\x17"sv, "0A000 query params not implemented"},
        {"existing name", 'P', "a\0x\0\0\0"sv, "42P05 prepared statement \"a\" already exists"},
        {"named portal", 'B', "p\0a\0\0\0\0\0\0\0"sv, "0A000 named portals not implemented"},
        {"values",
         'B',
         "\0a\0\0\0\0\1\xff\xff\xff\xff\0\0"sv,
         "0A000 query params not implemented"},
        {"binary results",
         'B',
         "\0a\0\0\0\0\0\0\1\0\1"sv,
         "0A000 binary results are not implemented"},
        {"unknown statement",
         'B',
         "\0x\0\0\0\0\0\0\0"sv,
         "26000 prepared statement \"x\" does not exist"},
        {"describe unknown statement",
         'D',
         "Sx\0"sv,
         "26000 prepared statement \"x\" does not exist"},
        {"describe unknown portal", 'D', "Px\0"sv, "34000 portal \"x\" does not exist"},
        {"describe no portal", 'D', "P\0"sv, "34000 portal \"\" does not exist"},
        {"execute no portal", 'E', "\0\0\0\0\0"sv, "34000 portal \"\" does not exist"},
        {"execute unknown portal", 'E', "x\0\0\0\0\0"sv, "34000 portal \"x\" does not exist"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        query_ = ExtendedQuery({3, 100});
        prepare("a", "select 1");
        EXPECT_EQ(take(test.tag, test.body), test.answer);
        EXPECT_TRUE(query_.skipping());
        EXPECT_TRUE(out_.empty());
    }
}

TEST_F(ExtendedQueryTest, RefusesARowLimit) {
    prepare("", "select 1");
    bind("");
    EXPECT_EQ(take('E', "\0\0\0\0\1"sv), "0A000 row limit in Execute message not implemented");
}

TEST_F(ExtendedQueryTest, ARowLimitMeansNothingWithoutRows) {
    prepare("", "set x = 1");
    bind("");
    EXPECT_EQ(take('E', "\0\0\0\0\1"sv), "run set x = 1");
}

TEST_F(ExtendedQueryTest, APortalRunsOnce) {
    prepare("", "select 1");
    EXPECT_EQ(run(""), "run select 1");
    EXPECT_EQ(take('E', "\0\0\0\0\0"sv), "34000 portal \"\" does not exist");
}

TEST_F(ExtendedQueryTest, ClosingWhatIsNotThereIsNoError) {
    prepare("a", "select 1");
    EXPECT_EQ(take('C', "Sa\0"sv), "3");
    EXPECT_EQ(take('C', "Sa\0"sv), "3");
    EXPECT_EQ(take('C', "Px\0"sv), "3");
    EXPECT_EQ(bind("a"), "26000 prepared statement \"a\" does not exist");
}

TEST_F(ExtendedQueryTest, SkipsEverythingUpToSync) {
    EXPECT_EQ(bind("x"), "26000 prepared statement \"x\" does not exist");
    EXPECT_EQ(prepare("a", "select 1"), "");
    EXPECT_EQ(take('E', "malformed"sv), "");
    query_.on_sync();
    EXPECT_EQ(bind("a"), "26000 prepared statement \"a\" does not exist");
}

TEST_F(ExtendedQueryTest, SyncDropsThePortalAndKeepsTheStatements) {
    prepare("a", "select 1");
    bind("a");
    query_.on_sync();
    EXPECT_EQ(take('E', "\0\0\0\0\0"sv), "34000 portal \"\" does not exist");
    query_.on_sync();
    EXPECT_EQ(run("a"), "run select 1");
}

TEST_F(ExtendedQueryTest, ASimpleQueryUsesTheUnnamedOnesUp) {
    prepare("", "select 1");
    prepare("a", "select 2");
    query_.on_simple_query();
    EXPECT_EQ(run("a"), "run select 2");
    EXPECT_EQ(bind(""), "26000 prepared statement \"\" does not exist");
}

TEST_F(ExtendedQueryTest, BoundsWhatIsPrepared) {
    for (const char* name : {"a", "b", "c"}) EXPECT_EQ(prepare(name, "x"), "1");
    EXPECT_EQ(prepare("d", "x"), "53200 too many prepared statements");
    query_.on_sync();
    EXPECT_EQ(take('C', "Sa\0"sv), "3");
    EXPECT_EQ(prepare("d", std::string(96, 'x')), "53200 too many prepared statements");
    query_.on_sync();
    EXPECT_EQ(prepare("d", std::string(95, 'x')), "1");
    // What replaces a text does not count twice.
    EXPECT_EQ(take('C', "Sd\0"sv), "3");
    EXPECT_EQ(prepare("", std::string(90, 'x')), "1");
    EXPECT_EQ(prepare("", std::string(90, 'y')), "1");
}

TEST_F(ExtendedQueryTest, EveryTruncationOfEveryMessageIsAViolation) {
    struct Case {
        char tag;
        std::string_view body;
    };
    const Case cases[] = {
        {'P', "a\0x\0\0\1\0\0\0\x17"sv},
        {'B', "p\0a\0\0\1\0\0\0\1\0\0\0\1x\0\1\0\0"sv},
        {'D', "Sa\0"sv},
        {'E', "\0\0\0\0\0"sv},
        {'C', "Pa\0"sv},
    };
    for (const Case& test : cases) {
        for (std::size_t size = 0; size < test.body.size(); ++size) {
            SCOPED_TRACE(std::string(1, test.tag) + std::to_string(size));
            query_ = ExtendedQuery({3, 100});
            EXPECT_EQ(take(test.tag, test.body.substr(0, size)), "violation");
            EXPECT_TRUE(out_.empty());
        }
    }
}

}  // namespace
}  // namespace sluice::pg
