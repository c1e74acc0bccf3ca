#include "auth/core/link_session.hpp"

#include "tests/unit/auth/sample_link.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using std::chrono::seconds;
using test::noon;
using test::sample_link;

const std::string alice = "alice@example.com";
const std::string mallory = "mallory@example.com";
const ApprovalFacts all_right{true, true, true};

LinkSession opened() { return open_link(sample_link(), alice, noon)->session; }

LinkSession approving() { return begin_approval(opened(), alice, all_right, noon)->session; }

LinkSession approved() {
    return finish_approval(approving(), Delivery::delivered, "", noon)->session;
}

TEST(LinkSession, StartsAsRequestedWithAnAuditEvent) {
    const LinkStep step = start_link(test::sample_registration(), noon);
    EXPECT_EQ(step.session.state, LinkState::requested);
    EXPECT_EQ(step.session.expires_at, noon + seconds(120));
    ASSERT_EQ(step.events.size(), 1U);
    EXPECT_EQ(step.events[0].event, "requested");
    EXPECT_EQ(step.events[0].client_address, "198.51.100.7");
}

TEST(LinkSession, BelongsToTheFirstUserWhoOpensIt) {
    const auto first = open_link(sample_link(), alice, noon);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->session.claimed_by, alice);
    EXPECT_EQ(first->events.at(0).event, "opened");

    const auto second = open_link(first->session, mallory, noon);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), LinkRefusal::claimed);
}

TEST(LinkSession, OpeningAgainChangesNothing) {
    const auto again = open_link(opened(), alice, noon + seconds(1));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->session.state, LinkState::opened);
    EXPECT_TRUE(again->events.empty());
}

TEST(LinkSession, ExpiresWhenOpenedTooLate) {
    const auto late = open_link(sample_link(), alice, noon + seconds(120));
    ASSERT_TRUE(late);
    EXPECT_EQ(late->session.state, LinkState::expired);
    EXPECT_EQ(late->events.at(0).event, "expired");
}

TEST(LinkSession, ExpiresWhenApprovedOrDeniedTooLate) {
    const WallTime late = noon + seconds(121);
    EXPECT_EQ(begin_approval(opened(), alice, all_right, late)->session.state, LinkState::expired);
    EXPECT_EQ(deny_link(opened(), alice, late)->session.state, LinkState::expired);
}

TEST(LinkSession, IsApprovedOnlyWhenTheProxyTookIt) {
    EXPECT_EQ(approving().state, LinkState::approving);
    const auto done = finish_approval(approving(), Delivery::delivered, "", noon);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->session.state, LinkState::approved);
    EXPECT_EQ(done->events.at(0).event, "approved");
    EXPECT_EQ(done->events.at(0).user, alice);
}

TEST(LinkSession, FailsWhenTheProxyCouldNotBeTold) {
    const auto failed = finish_approval(approving(), Delivery::failed, "no route", noon);
    EXPECT_EQ(failed->session.state, LinkState::failed);
    EXPECT_EQ(failed->session.message, "no route");
}

TEST(LinkSession, IsAbandonedWhenNobodyWaitsAtTheProxy) {
    const auto gone = finish_approval(approving(), Delivery::waiter_gone, "nobody", noon);
    EXPECT_EQ(gone->session.state, LinkState::abandoned);
    EXPECT_EQ(gone->events.at(0).event, "abandoned");
}

TEST(LinkSession, IsApprovedOnce) {
    EXPECT_EQ(begin_approval(approving(), alice, all_right, noon).error(), LinkRefusal::busy);
    EXPECT_EQ(begin_approval(approved(), alice, all_right, noon).error(), LinkRefusal::over);
    EXPECT_EQ(deny_link(approved(), alice, noon).error(), LinkRefusal::over);
    EXPECT_EQ(finish_approval(approved(), Delivery::delivered, "", noon).error(),
              LinkRefusal::over);
}

TEST(LinkSession, IsDecidedOnlyByItsUser) {
    EXPECT_EQ(begin_approval(opened(), mallory, all_right, noon).error(), LinkRefusal::claimed);
    EXPECT_EQ(deny_link(opened(), mallory, noon).error(), LinkRefusal::claimed);
    EXPECT_EQ(begin_approval(sample_link(), alice, all_right, noon).error(),
              LinkRefusal::not_opened);
}

TEST(LinkSession, ApprovalNeedsUserTargetAndGrant) {
    struct Case {
        const char* name;
        ApprovalFacts facts;
        LinkRefusal refusal;
    };
    const Case cases[] = {{"disabled user", {false, true, true}, LinkRefusal::user_disabled},
                          {"no grant", {true, false, true}, LinkRefusal::grant_missing},
                          {"deleted target", {true, true, false}, LinkRefusal::target_unknown}};
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(begin_approval(opened(), alice, c.facts, noon).error(), c.refusal);
    }
}

TEST(LinkSession, DenialIsFinal) {
    const auto denied = deny_link(opened(), alice, noon);
    EXPECT_EQ(denied->session.state, LinkState::denied);
    EXPECT_EQ(denied->events.at(0).event, "denied");
    EXPECT_EQ(begin_approval(denied->session, alice, all_right, noon).error(), LinkRefusal::over);
}

TEST(LinkSession, IsVoidWhenTheClientWentAway) {
    for (const LinkSession& session : {sample_link(), opened(), approved()}) {
        const auto gone = abandon_link(session, noon);
        ASSERT_TRUE(gone);
        EXPECT_EQ(gone->session.state, LinkState::abandoned);
    }
}

TEST(LinkSession, AnApprovalOnItsWayIsNotAbandoned) {
    const auto step = abandon_link(approving(), noon);
    EXPECT_EQ(step->session.state, LinkState::approving);
    EXPECT_TRUE(step->events.empty());
}

TEST(LinkSession, ConnectedFollowsApproved) {
    const auto connected = connect_link(approved(), 4711, noon);
    EXPECT_EQ(connected->session.state, LinkState::connected);
    EXPECT_EQ(connected->events.at(0).detail, "backend_pid 4711");
    EXPECT_EQ(connect_link(opened(), 4711, noon).error(), LinkRefusal::over);
    EXPECT_EQ(connect_link(connected->session, 4711, noon).error(), LinkRefusal::over);
}

TEST(LinkSession, ConnectedMayOvertakeTheProxysAnswer) {
    const auto early = connect_link(approving(), 4711, noon);
    EXPECT_EQ(early->session.state, LinkState::approving);
    const auto done = finish_approval(early->session, Delivery::failed, "timeout", noon);
    EXPECT_EQ(done->session.state, LinkState::connected);
    ASSERT_EQ(done->events.size(), 2U);
    EXPECT_EQ(done->events[0].event, "approved");
    EXPECT_EQ(done->events[1].event, "connected");
}

TEST(LinkSession, TimeEndsOnlyOpenSessions) {
    EXPECT_EQ(expire_link(opened(), noon)->session.state, LinkState::expired);
    EXPECT_EQ(expire_link(approved(), noon)->session.state, LinkState::approved);
    EXPECT_EQ(expire_link(approving(), noon)->session.state, LinkState::approving);
}

TEST(LinkSession, ARestartEndsAnApprovalWhoseAnswerWasLost) {
    EXPECT_EQ(recover_link(approving(), noon)->session.state, LinkState::failed);
}

TEST(LinkSession, StatesHaveNamesBothWays) {
    for (const char* name : {"requested",
                             "opened",
                             "approving",
                             "approved",
                             "connected",
                             "denied",
                             "expired",
                             "abandoned",
                             "failed"}) {
        const auto state = parse_link_state(name);
        ASSERT_TRUE(state) << name;
        EXPECT_EQ(to_string(*state), name);
    }
    EXPECT_FALSE(parse_link_state("other"));
}

TEST(LinkSession, AuditEventsHoldNoControlCharacters) {
    auto registration = test::sample_registration();
    registration.client.application_name = "psql\x1b[31m\nforged";
    const LinkStep step = start_link(registration, noon);
    EXPECT_EQ(step.events[0].detail.find('\n'), std::string::npos);
    EXPECT_EQ(step.events[0].detail.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sluice::auth
