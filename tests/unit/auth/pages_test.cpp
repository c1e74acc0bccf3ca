#include "auth/core/page_models.hpp"
#include "auth/service/web_assets.hpp"
#include "tests/unit/auth/sample_link.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using std::chrono::seconds;
using test::noon;

const PageFrame frame{"token-1", "alice@example.com"};

bool holds(const std::string& page, const std::string& text) {
    return page.find(text) != std::string::npos;
}

LinkSession opened() { return open_link(test::sample_link(), frame.user, noon)->session; }

TEST(Pages, ApprovalShowsPhraseRequestAndTime) {
    const WebAssets assets;
    const std::string page =
        assets.render("approve", approve_values(frame, opened(), noon + seconds(1)));
    for (const char* text : {"maple otter 47",
                             "id=\"role\">app<",
                             "id=\"database\">shop<",
                             "id=\"target\">prod<",
                             "198.51.100.7",
                             "psql",
                             "TLSv1.3",
                             ">1:59<",
                             "value=\"token-1\"",
                             "id=\"approve\"",
                             "id=\"deny\""}) {
        EXPECT_TRUE(holds(page, text)) << text;
    }
}

TEST(Pages, NothingThatAClientChoseBecomesMarkup) {
    const WebAssets assets;
    LinkSession session = opened();
    const std::string evil = "<script>alert(1)</script>\"' \xe2\x80\xae";
    session.requested = RequestedAccess{evil, evil, evil};
    session.client = ClientInfo{evil, 1, evil, evil};
    session.phrase = evil;
    session.message = evil;
    session.state = LinkState::failed;
    const std::string pages[] = {
        assets.render("approve", approve_values(frame, session, noon)),
        assets.render("result", outcome_values(frame, session, Details::show, noon)),
        assets.render("result", no_grant_values(frame, session, evil, noon)),
        assets.render("home", home_values(frame, {&session, 1}, evil, noon)),
        assets.render("sign_in", sign_in_values(frame, SignInForm{"/", evil, evil, "", evil})),
        assets.render("error", error_values(frame, 500, evil, evil))};
    for (const std::string& page : pages) {
        EXPECT_FALSE(holds(page, "<script>alert")) << page;
        EXPECT_TRUE(holds(page, "&lt;script&gt;")) << page;
    }
    EXPECT_FALSE(holds(pages[0], "\xe2\x80\xae"));
}

TEST(Pages, EveryOutcomeNamesItsState) {
    const WebAssets assets;
    for (const LinkState state : {LinkState::approved,
                                  LinkState::connected,
                                  LinkState::denied,
                                  LinkState::expired,
                                  LinkState::abandoned,
                                  LinkState::failed}) {
        LinkSession session = opened();
        session.state = state;
        const std::string page =
            assets.render("result", outcome_values(frame, session, Details::show, noon));
        const std::string name(to_string(state));
        EXPECT_TRUE(holds(page, "data-state=\"" + name + "\"")) << name;
        EXPECT_TRUE(holds(page, "<h1")) << name;
        EXPECT_TRUE(holds(page, "198.51.100.7")) << name;
    }
}

TEST(Pages, AnApprovalWithoutAReportHasItsWords) {
    const WebAssets assets;
    LinkSession session = opened();
    session.state = LinkState::approved;
    const auto page = [&] {
        return assets.render("result", outcome_values(frame, session, Details::show, noon));
    };
    EXPECT_TRUE(holds(page(), "id=\"unreported\" hidden"));
    session.state = LinkState::connected;
    EXPECT_FALSE(holds(page(), "unreported"));
}

TEST(Pages, AnotherUsersLinkShowsNothingOfTheRequest) {
    const WebAssets assets;
    const std::string page = assets.render("result", bare_outcome_values(frame, "claimed"));
    EXPECT_TRUE(holds(page, "data-state=\"claimed\""));
    EXPECT_FALSE(holds(page, "198.51.100.7"));
}

TEST(Pages, StateIsJsonAndHidesTheInnerState) {
    LinkSession session = opened();
    EXPECT_EQ(state_json(session, noon + seconds(20)), R"({"state":"opened","seconds_left":100})");
    session.state = LinkState::approving;
    EXPECT_EQ(state_json(session, noon), R"({"state":"pending","seconds_left":120})");
}

TEST(Pages, TimesAreWritten) {
    EXPECT_EQ(iso_time(from_unix_ms(0)), "1970-01-01T00:00:00Z");
    EXPECT_EQ(iso_time(from_unix_ms(1'709'210'096'789)), "2024-02-29T12:34:56Z");
    EXPECT_EQ(rough_duration(std::chrono::minutes(15)), "15 minutes");
    EXPECT_EQ(rough_duration(std::chrono::milliseconds(1)), "1 second");
    EXPECT_EQ(rough_duration(std::chrono::seconds(61)), "2 minutes");
}

}  // namespace
}  // namespace sluice::auth
