#include "auth/service/api_routes.hpp"
#include "auth/service/web_routes.hpp"
#include "common/crypto/password_hash.hpp"
#include "common/crypto/random_bytes.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/unit/auth/sample_link.hpp"
#include "tests/unit/auth/temporary_folder.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <fstream>

namespace sluice::auth {
namespace {

using Form = std::map<std::string, std::string>;

const std::string alice = "alice@example.com";
const std::string bob = "bob@example.com";
const std::string password = "correct horse";
const std::string link_id = "0123456789abcdefghjkmnpqrs";
const std::string link_path = "/s/" + link_id;
const std::string origin = "http://127.0.0.1:8480";

// Stands for a proxy: keeps what it is told and answers as the test says.
class FakeNotifier final : public Notifier {
public:
    bool knows(const std::string& instance) const override { return instance == "local"; }
    net::Awaitable<Outcome> push(std::string, Notification notification) const override {
        told.push_back(std::move(notification));
        co_return answer;
    }
    mutable std::vector<Notification> told;
    Outcome answer{Delivery::delivered, ""};
};

std::filesystem::path written(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file) << text;
    return file;
}

// The whole service without sockets.
struct Service {
    Service() {
        api.add_to(router);
        web.add_to(router);
    }

    static WebRoutes::Settings settings() {
        WebRoutes::Settings result;
        result.public_origin = origin;
        result.login.failures_max = 3;
        return result;
    }

    http::Response send(http::Request request) {
        request.path = request.target.substr(0, request.target.find('?'));
        request.peer_address = "192.0.2.1";
        const std::size_t mark = request.target.find('?');
        if (mark != std::string::npos) {
            const std::string query = request.target.substr(mark + 1);
            const std::size_t equals = query.find('=');
            request.query[query.substr(0, equals)] = http::percent_decode(query.substr(equals + 1));
        }
        const auto match = router.match(request.method, request.path);
        if (match.handler == nullptr) return http::Response::text(404, "no route");
        request.parameters = match.parameters;
        return test::run_coroutine(context, (*match.handler)(std::move(request)));
    }

    http::Response call(const std::string& method,
                        const std::string& target,
                        const std::string& body,
                        const std::string& token) {
        http::Request request;
        request.method = method;
        request.target = target;
        request.body = body;
        if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
        return send(std::move(request));
    }
    http::Response admin(const std::string& method,
                         const std::string& target,
                         const std::string& body = "") {
        return call(method, target, body, "admin-token-of-the-test");
    }
    http::Response proxy(const std::string& method,
                         const std::string& target,
                         const std::string& body = "") {
        return call(method, target, body, "proxy-token-of-the-test");
    }

    void set_up_access() {
        // Hashed once for all tests: it takes long on purpose.
        static const std::string hash = crypto::hash_password(Secret(password));
        for (const std::string& email : {alice, bob}) {
            User user;
            user.email = email;
            user.password_hash = hash;
            EXPECT_TRUE(store->add_user(user, AuditEvent()));
        }
        EXPECT_EQ(admin("POST",
                        "/v1/targets",
                        R"({"name":"prod","host":"db","port":5432,"tls":"require",
                            "roles":[{"role":"app","password":"canary-password"}]})")
                      .status,
                  201);
        EXPECT_EQ(admin("POST", "/v1/grants", R"({"user":"alice@example.com","role":"app",
                        "database":"*","target":"prod"})")
                      .status,
                  201);
    }
    void register_link() {
        EXPECT_EQ(proxy("POST", "/v1/link/sessions", encode(test::sample_registration())).status,
                  201);
    }
    std::string state_of_link() {
        const auto facts = store->find_link(link_id, "");
        return std::string(to_string((*facts)->session.state));
    }
    std::vector<std::string> audit_of_link() {
        std::vector<std::string> names;
        const auto events = store->list_audit("", 100);
        for (const AuditEvent& event : *events) {
            if (event.session_id == link_id) names.insert(names.begin(), event.event);
        }
        return names;
    }

    test::TemporaryFolder folder;
    boost::asio::io_context context{1};
    metrics::Registry registry;
    AuthMetrics metrics{registry};
    FakeNotifier notifier;
    crypto::SecretBox box =
        *crypto::SecretBox::load(written(folder / "seal.key", std::string(64, 'a')));
    AuditLog audit{folder / "audit.jsonl"};
    std::unique_ptr<Store> store = Store::open(folder / "auth.db");
    StoreAccess access{*store};
    Passwords passwords;
    ApiTokens tokens{
        {{"proxy", written(folder / "p", "proxy-token-of-the-test"), TokenScope::proxy},
         {"admin", written(folder / "a", "admin-token-of-the-test"), TokenScope::admin}}};
    LinkService links{access, notifier, box, audit, metrics};
    Sessions sessions{access, Sessions::Settings()};
    WebAssets assets;
    ActiveRequests active;
    ApiRoutes api{ApiRoutes::Parts{tokens, links, access, passwords, box, audit, active}};
    WebRoutes web{
        WebRoutes::Parts{assets, sessions, links, access, passwords, audit, metrics, active},
        settings()};
    http::Router router;
};

// Keeps cookies and finds the token of the last form, as a browser does.
class Browser {
public:
    explicit Browser(Service& service) : service_(service) {}

    http::Response get(const std::string& target) {
        http::Request request;
        request.target = target;
        return exchange(std::move(request));
    }
    http::Response post(const std::string& target,
                        Form form = {},
                        const std::string& from = origin) {
        form.try_emplace("csrf", csrf_);
        http::Request request;
        request.method = "POST";
        request.target = target;
        for (const auto& [name, value] : form) {
            if (!request.body.empty()) request.body += '&';
            request.body += name + "=" + http::percent_encode(value);
        }
        request.headers.emplace_back("Origin", from);
        return exchange(std::move(request));
    }
    http::Response sign_in(const std::string& email, const std::string& with = password) {
        get("/sign-in?next=" + http::percent_encode(link_path));
        return post("/sign-in", Form{{"email", email}, {"password", with}, {"next", link_path}});
    }
    const std::string& cookie(const std::string& name) { return cookies_[name]; }

private:
    http::Response exchange(http::Request request) {
        std::string header;
        for (const auto& [name, value] : cookies_) {
            header += (header.empty() ? "" : "; ") + name + "=" + value;
        }
        request.headers.emplace_back("Cookie", header);
        http::Response response = service_.send(std::move(request));
        for (const auto& [name, value] : response.headers) {
            if (name != "Set-Cookie") continue;
            const std::size_t equals = value.find('=');
            cookies_[value.substr(0, equals)] =
                value.substr(equals + 1, value.find(';') - equals - 1);
        }
        const std::string mark = "name=\"csrf\" value=\"";
        const std::size_t found = response.body.find(mark);
        if (found != std::string::npos) {
            const std::size_t begin = found + mark.size();
            csrf_ = response.body.substr(begin, response.body.find('"', begin) - begin);
        }
        return response;
    }

    Service& service_;
    std::map<std::string, std::string> cookies_;
    std::string csrf_;
};

bool holds(const http::Response& response, const std::string& text) {
    return response.body.find(text) != std::string::npos;
}

class RoutesTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() { crypto::initialise(); }
    void SetUp() override { service_.set_up_access(); }

    Service service_;
    Browser browser_{service_};
};

TEST_F(RoutesTest, ApiAsksForTheRightToken) {
    EXPECT_EQ(service_.call("GET", "/v1/users", "", "").status, 401);
    EXPECT_EQ(service_.call("GET", "/v1/users", "", "wrong-token-of-the-test").status, 401);
    EXPECT_EQ(service_.proxy("GET", "/v1/users").status, 403);
    EXPECT_EQ(service_.admin("GET", "/v1/users").status, 200);
}

TEST_F(RoutesTest, ApiNeverGivesPasswordsBack) {
    for (const char* target : {"/v1/users", "/v1/targets", "/v1/grants", "/v1/audit"}) {
        const auto answer = service_.admin("GET", target);
        EXPECT_EQ(answer.status, 200) << target;
        EXPECT_FALSE(holds(answer, "canary-password")) << target;
        EXPECT_FALSE(holds(answer, "argon2")) << target;
    }
}

TEST_F(RoutesTest, ApiListsTheWordsOfAFilter) {
    const auto message = [&](const char* target) {
        const auto answer = service_.admin("GET", target);
        EXPECT_EQ(answer.status, 400) << target;
        return parse_api_error(answer.body).message;
    };
    EXPECT_EQ(message("/v1/sessions?state=nope"),
              "state is not known; there are: pending, requested, opened, approving, approved, "
              "connected, denied, expired, abandoned, failed");
    EXPECT_TRUE(message("/v1/audit?event=nope")
                    .starts_with("event is not known; there are: requested, opened, "));
    for (const auto name : audit_event_names) {
        EXPECT_EQ(service_.admin("GET", "/v1/audit?event=" + std::string(name)).status, 200);
    }
}

TEST_F(RoutesTest, EveryEventOfALinkIsAWordOfTheFilter) {
    for (const auto state : all_link_states) {
        // No event is written for an approval on its way.
        EXPECT_EQ(is_audit_event(to_string(state)), state != LinkState::approving);
    }
}

TEST_F(RoutesTest, AUserMadeByTheApiCanSignIn) {
    const auto made = service_.admin(
        "POST", "/v1/users", R"({"email":"Carol@Example.com","password":"long enough"})");
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(browser_.sign_in("carol@example.com", "long enough").status, 303);
    EXPECT_EQ(service_.admin("DELETE", "/v1/users/carol@example.com").status, 204);
    EXPECT_TRUE(holds(browser_.get("/"), "id=\"sign-in\""));
}

TEST_F(RoutesTest, ApiSaysWhatIsWrong) {
    struct Case {
        const char* target;
        const char* body;
        int status;
        const char* code;
    };
    const Case cases[] = {
        {"/v1/users", "{", 400, "bad_request"},
        {"/v1/users", R"({"email":"x@y"})", 400, "bad_request"},
        {"/v1/users", R"({"email":"x@y","password":"short"})", 400, "bad_request"},
        {"/v1/users", R"({"email":"ALICE@example.com","password":"long enough"})", 409, "exists"},
        {"/v1/targets", R"({"name":"prod","host":"db","port":5432})", 409, "exists"},
        {"/v1/targets",
         R"({"name":"x","host":"db","port":5432,"tls":"maybe"})",
         400,
         "bad_request"},
        {"/v1/grants",
         R"({"user":"no@x","role":"a","database":"b","target":"*"})",
         404,
         "not_found"},
        {"/v1/grants",
         R"({"user":"alice@example.com","role":"","database":"b","target":"*"})",
         400,
         "bad_request"}};
    for (const Case& c : cases) {
        SCOPED_TRACE(std::string(c.target) + " " + c.body);
        const auto answer = service_.admin("POST", c.target, c.body);
        EXPECT_EQ(answer.status, c.status);
        EXPECT_EQ(parse_api_error(answer.body).code, c.code);
    }
}

TEST_F(RoutesTest, ApiNamesWhatExistsAlready) {
    const auto message = [&](const char* target, const char* body) {
        const auto answer = service_.admin("POST", target, body);
        EXPECT_EQ(answer.status, 409) << body;
        return parse_api_error(answer.body).message;
    };
    EXPECT_EQ(message("/v1/users", R"({"email":"ALICE@example.com","password":"long enough"})"),
              "user alice@example.com exists already");
    EXPECT_EQ(message("/v1/targets", R"({"name":"prod","host":"db","port":5432})"),
              "target prod exists already");
    const char* grant = R"({"user":"alice@example.com","role":"x","database":"*","target":"prod"})";
    EXPECT_EQ(service_.admin("POST", "/v1/grants", grant).status, 201);
    EXPECT_EQ(message("/v1/grants", grant), "this grant of alice@example.com exists already");
}

TEST_F(RoutesTest, RegistrationIsCheckedAgainstWhatExists) {
    auto registration = test::sample_registration();
    registration.requested.target = "elsewhere";
    auto answer = service_.proxy("POST", "/v1/link/sessions", encode(registration));
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(parse_api_error(answer.body).code, "target_unknown");

    registration.requested.target.clear();
    EXPECT_EQ(service_.proxy("POST", "/v1/link/sessions", encode(registration)).status, 201);
    answer = service_.proxy("POST", "/v1/link/sessions", encode(registration));
    EXPECT_EQ(parse_api_error(answer.body).code, "id_exists");

    service_.admin("POST", "/v1/targets", R"({"name":"test","host":"db","port":5432})");
    registration.session_id = "another0id";
    answer = service_.proxy("POST", "/v1/link/sessions", encode(registration));
    EXPECT_EQ(parse_api_error(answer.body).code, "target_required");
    EXPECT_EQ(parse_api_error(answer.body).message, "several targets exist: name one");
    registration.instance = "stranger";
    answer = service_.proxy("POST", "/v1/link/sessions", encode(registration));
    EXPECT_EQ(parse_api_error(answer.body).code, "instance_unknown");
}

TEST_F(RoutesTest, SignInLeadsBackToTheLink) {
    service_.register_link();
    const auto to_sign_in = browser_.get(link_path);
    EXPECT_EQ(to_sign_in.status, 303);
    EXPECT_EQ(to_sign_in.header("Location"), "/sign-in?next=" + http::percent_encode(link_path));
    const auto signed_in = browser_.sign_in(alice);
    EXPECT_EQ(signed_in.status, 303);
    EXPECT_EQ(signed_in.header("Location"), link_path);
    const auto cookie = std::string(*signed_in.header("Set-Cookie"));
    EXPECT_NE(cookie.find("HttpOnly; SameSite=Lax"), std::string::npos) << cookie;
    EXPECT_TRUE(holds(browser_.get(link_path), "maple otter 47"));
}

TEST_F(RoutesTest, UnknownUserAndWrongPasswordLookTheSame) {
    const auto wrong = browser_.sign_in(alice, "wrong password");
    const auto unknown = browser_.sign_in("nobody@example.com", "wrong password");
    EXPECT_EQ(wrong.status, 403);
    EXPECT_EQ(unknown.status, 403);
    EXPECT_TRUE(holds(wrong, "E-mail or password is wrong."));
    EXPECT_TRUE(holds(unknown, "E-mail or password is wrong."));
}

TEST_F(RoutesTest, DisabledUserGetsTheSameErrorAndLosesItsSession) {
    browser_.sign_in(alice);
    ASSERT_EQ(service_.admin("PATCH", "/v1/users/" + alice, R"({"disabled":true})").status, 200);
    EXPECT_TRUE(holds(browser_.get("/"), "id=\"sign-in\""));
    EXPECT_TRUE(holds(browser_.sign_in(alice), "E-mail or password is wrong."));
}

TEST_F(RoutesTest, GuessingIsThrottledEvenForTheRightPassword) {
    for (int i = 0; i < 3; ++i) browser_.sign_in(alice, "wrong password");
    const auto throttled = browser_.sign_in(alice);
    EXPECT_EQ(throttled.status, 429);
    EXPECT_TRUE(holds(throttled, "Try again in 15 minutes"));
    EXPECT_TRUE(throttled.header("Retry-After").has_value());
}

TEST_F(RoutesTest, SigningInMakesANewSessionAndEndsTheOld) {
    browser_.sign_in(alice);
    const std::string first = browser_.cookie("sluice_session");
    browser_.get("/");
    browser_.post("/sign-out");
    browser_.sign_in(alice);
    EXPECT_NE(browser_.cookie("sluice_session"), first);
    http::Request request;
    request.headers.emplace_back("Cookie", "sluice_session=" + first);
    EXPECT_TRUE(holds(service_.send(request), "id=\"sign-in\""));
}

TEST_F(RoutesTest, AFormOfAnotherSiteDoesNotSignOut) {
    browser_.sign_in(alice);
    http::Request request;
    request.method = "POST";
    request.target = "/sign-out";  // SameSite keeps the cookie back
    request.headers.emplace_back("Origin", "https://evil.example");
    EXPECT_FALSE(service_.send(request).header("Set-Cookie"));
}

TEST_F(RoutesTest, ApprovalReachesTheProxyAndIsAudited) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    EXPECT_EQ(browser_.post(link_path + "/approve").header("Location"), link_path);
    ASSERT_EQ(service_.notifier.told.size(), 1U);
    const auto& success = std::get<LinkSuccess>(service_.notifier.told[0].result);
    EXPECT_EQ(success.host, "db");
    EXPECT_EQ(success.dbname, "shop");
    EXPECT_EQ(success.user, "app");
    EXPECT_EQ(success.password->reveal(), "canary-password");
    EXPECT_EQ(success.tls, "require");
    EXPECT_EQ(success.approver, alice);
    EXPECT_TRUE(holds(browser_.get(link_path), "data-state=\"approved\""));

    EXPECT_EQ(
        service_
            .proxy("POST", "/v1/link/sessions/" + link_id + "/connected", R"({"backend_pid":4711})")
            .status,
        204);
    EXPECT_TRUE(holds(browser_.get(link_path), "data-state=\"connected\""));
    const std::vector<std::string> expected{"requested", "opened", "approved", "connected"};
    EXPECT_EQ(service_.audit_of_link(), expected);
}

TEST_F(RoutesTest, ALinkIsApprovedOnce) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    browser_.post(link_path + "/approve");
    browser_.post(link_path + "/approve");
    browser_.post(link_path + "/deny");
    EXPECT_EQ(service_.notifier.told.size(), 1U);
    EXPECT_EQ(service_.state_of_link(), "approved");
}

TEST_F(RoutesTest, DenialReachesTheProxy) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    browser_.post(link_path + "/deny");
    ASSERT_EQ(service_.notifier.told.size(), 1U);
    EXPECT_EQ(std::get<LinkFailure>(service_.notifier.told[0].result).text, "denied by " + alice);
    EXPECT_TRUE(holds(browser_.get(link_path), "data-state=\"denied\""));
}

TEST_F(RoutesTest, AnUndeliveredApprovalIsNoApproval) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    service_.notifier.answer = {Delivery::failed, "The proxy cannot be reached."};
    browser_.post(link_path + "/approve");
    const auto page = browser_.get(link_path);
    EXPECT_TRUE(holds(page, "data-state=\"failed\""));
    EXPECT_TRUE(holds(page, "The proxy cannot be reached."));
}

TEST_F(RoutesTest, ApprovalForNobodySaysThatPsqlIsGone) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    service_.notifier.answer = {Delivery::waiter_gone, "nobody waits at the proxy"};
    browser_.post(link_path + "/approve");
    EXPECT_TRUE(holds(browser_.get(link_path), "psql went away"));
}

TEST_F(RoutesTest, ALinkBelongsToTheFirstUser) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    Browser other(service_);
    other.sign_in(bob);
    const auto page = other.get(link_path);
    EXPECT_EQ(page.status, 403);
    EXPECT_TRUE(holds(page, "data-state=\"claimed\""));
    EXPECT_FALSE(holds(page, "maple otter 47"));
    EXPECT_EQ(other.post(link_path + "/approve").status, 403);
    EXPECT_EQ(other.get(link_path + "/state").status, 403);
    EXPECT_EQ(service_.state_of_link(), "opened");
}

TEST_F(RoutesTest, WithoutAGrantNothingIsApproved) {
    service_.register_link();
    browser_.sign_in(bob);
    const auto page = browser_.get(link_path);
    EXPECT_EQ(page.status, 403);
    EXPECT_TRUE(holds(page, "data-state=\"no_grant\""));
    EXPECT_TRUE(holds(page,
                      "sluicectl grant add bob@example.com --role=app --database=shop "
                      "--target=prod"));
    EXPECT_EQ(browser_.post(link_path + "/approve").status, 403);
    EXPECT_TRUE(service_.notifier.told.empty());
    EXPECT_EQ(service_.state_of_link(), "opened");

    service_.admin("POST",
                   "/v1/grants",
                   R"({"user":"bob@example.com","role":"app","database":"shop","target":"*"})");
    EXPECT_TRUE(holds(browser_.get(link_path), "id=\"approve\""));
}

TEST_F(RoutesTest, FormsOfOtherSitesAreRefused) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    EXPECT_EQ(browser_.post(link_path + "/approve", {{"csrf", "guessed"}}).status, 403);
    EXPECT_EQ(browser_.post(link_path + "/approve", {}, "http://evil.example").status, 403);
    EXPECT_EQ(service_.state_of_link(), "opened");
    Browser fresh(service_);
    EXPECT_EQ(fresh.post("/sign-in", {{"email", alice}, {"password", password}}).status, 403);
}

TEST_F(RoutesTest, AnAbandonedLinkIsVoid) {
    service_.register_link();
    browser_.sign_in(alice);
    browser_.get(link_path);
    EXPECT_EQ(service_.proxy("DELETE", "/v1/link/sessions/" + link_id + "?reason=abandoned").status,
              204);
    EXPECT_TRUE(holds(browser_.get(link_path + "/state"), "\"state\":\"abandoned\""));
    browser_.post(link_path + "/approve");
    EXPECT_TRUE(service_.notifier.told.empty());
    EXPECT_EQ(service_.proxy("DELETE", "/v1/link/sessions/unknown12?reason=abandoned").status, 404);
    EXPECT_EQ(service_.proxy("DELETE", "/v1/link/sessions/" + link_id).status, 400);
}

TEST_F(RoutesTest, TimeEndsALink) {
    LinkSession session = test::sample_link();
    ASSERT_TRUE(service_.store->add_link(LinkStep{session, {}}));
    ASSERT_TRUE(test::run_coroutine(service_.context, service_.links.expire_due()));
    EXPECT_EQ(service_.state_of_link(), "expired");
    browser_.sign_in(alice);
    EXPECT_TRUE(holds(browser_.get(link_path), "This link has expired"));
}

TEST_F(RoutesTest, EveryPageCarriesTheSecurityHeaders) {
    for (const char* target : {"/", "/sign-in", "/nothing", "/static/link.js"}) {
        const auto page = browser_.get(target);
        const std::string policy(page.header("Content-Security-Policy").value_or(""));
        EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << target;
        EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << target;
        EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff") << target;
        EXPECT_EQ(page.header("Referrer-Policy"), "no-referrer") << target;
    }
    EXPECT_EQ(browser_.get("/").header("Cache-Control"), "no-store");
    EXPECT_EQ(browser_.get("/static/../auth.db").status, 404);
}

TEST_F(RoutesTest, TheAuditFileHoldsEachEventAndNoSecret) {
    service_.register_link();
    browser_.sign_in(alice, "canary wrong password");
    std::ifstream in(service_.folder / "audit.jsonl");
    std::string line;
    std::string all;
    while (std::getline(in, line)) {
        EXPECT_NO_THROW(static_cast<void>(boost::json::parse(line))) << line;
        all += line;
    }
    EXPECT_NE(all.find("\"event\":\"requested\""), std::string::npos);
    EXPECT_NE(all.find("\"event\":\"sign_in_failed\""), std::string::npos);
    EXPECT_EQ(all.find("canary"), std::string::npos);
}

}  // namespace
}  // namespace sluice::auth
