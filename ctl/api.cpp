#include "ctl/api.hpp"

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "common/config/service_config.hpp"
#include "common/http/json.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/parts.hpp"
#include "ctl/paths.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace sluice::ctl {

namespace {

http::ClientOptions server_of(const ApiOptions& options) {
    http::ClientOptions server;
    const auto paths = Paths::of(options.dir);
    const bool local = std::filesystem::exists(paths.cluster_file());
    if (!options.auth_url.empty()) {
        server.base_url = options.auth_url;
    } else if (local) {
        server.base_url = read_addresses(paths, ClusterFile::load(paths.cluster_file())).auth_url;
    } else {
        throw StartupError(fmt::format(
            "no cluster in {}; use --dir, or --auth-url and --token-file", paths.root.string()));
    }
    server.ca = options.ca;
    if (!server.ca && local) server.ca = paths.ca_certificate();
    return server;
}

Secret token_of(const ApiOptions& options) {
    if (options.token_file) return Secret(config::read_secret_file(*options.token_file));
    const auto paths = Paths::of(options.dir);
    require_own(paths);
    return Secret(config::read_secret_file(paths.admin_token()));
}

}  // namespace

AuthApi::AuthApi(http::ClientOptions server, Secret token)
    : server_(std::move(server)), token_(std::move(token)) {}

AuthApi::AuthApi(const ApiOptions& options) : AuthApi(server_of(options), token_of(options)) {}

AuthApi::Answer AuthApi::send(const std::string& method,
                              const std::string& target,
                              const boost::json::value& body) const {
    http::Request request;
    request.method = method;
    request.target = target;
    request.headers.emplace_back("Authorization", "Bearer " + std::string(token_.reveal()));
    if (!body.is_null()) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = boost::json::serialize(body);
    }
    auto response = http::send_and_wait(server_, std::move(request));
    if (!response) {
        throw StartupError(fmt::format("sluice-auth does not answer: {}; see 'sluicectl status'",
                                       response.error().message()));
    }
    Answer answer{response->status, std::move(response->body), nullptr};
    if (auto parsed = http::parse_json(answer.text)) answer.body = std::move(*parsed);
    return answer;
}

AuthApi::Answer AuthApi::call(const std::string& method,
                              const std::string& target,
                              const boost::json::value& body) const {
    auto answer = send(method, target, body);
    if (answer.status >= 400) throw StartupError(error_text(answer));
    return answer;
}

const boost::json::array& list_of(const AuthApi::Answer& answer, const std::string& member) {
    const auto* members = answer.body.if_object();
    const auto* found = members != nullptr ? members->if_contains(member) : nullptr;
    if (found == nullptr || !found->is_array()) {
        throw StartupError(fmt::format("the answer has no list '{}'", member));
    }
    return found->get_array();
}

std::string error_text(const AuthApi::Answer& answer) {
    const auto* object = answer.body.if_object();
    const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
    if (error == nullptr || !error->is_object()) {
        return fmt::format("sluice-auth answered with status {}", answer.status);
    }
    http::JsonReader reader(*error);
    return fmt::format("{} ({})",
                       printable(reader.text("message", "refused")),
                       printable(reader.text("code", "")));
}

}  // namespace sluice::ctl
