#include "auth/api/messages.hpp"

#include "common/http/json.hpp"

#include <boost/json.hpp>

#include <limits>

namespace sluice::auth {

namespace json = boost::json;
using http::JsonReader;

namespace {

constexpr std::int64_t port_max = 65535;
constexpr std::int64_t ttl_seconds_max = 3600;

Error wrong(std::string text) { return Error(ErrorKind::client, std::move(text)); }

Result<const json::value*> required_object(const JsonReader& reader,
                                           std::string_view key,
                                           const std::string& path) {
    const json::value* value = reader.member(key);
    if (value == nullptr) return wrong(path + ": required");
    if (!value->is_object()) return wrong(path + ": must be an object");
    return value;
}

// Members that hold no text are left out, so that old readers see what they know.
void put(json::object& object, std::string_view key, const std::string& text) {
    if (!text.empty()) object[key] = text;
}

Result<std::optional<std::vector<std::string>>> read_texts(const JsonReader& reader,
                                                           std::string_view key,
                                                           const std::string& path) {
    const json::value* value = reader.member(key);
    if (value == nullptr || value->is_null()) return std::optional<std::vector<std::string>>();
    if (!value->is_array()) return wrong(path + ": must be a list of texts");
    std::vector<std::string> texts;
    for (const json::value& item : value->get_array()) {
        if (!item.is_string()) return wrong(path + ": must be a list of texts");
        texts.emplace_back(item.get_string());
    }
    return std::optional<std::vector<std::string>>(std::move(texts));
}

Result<LinkSuccess::Aux> read_aux(const JsonReader& success) {
    LinkSuccess::Aux aux;
    const json::value* value = success.member("aux");
    if (value == nullptr || value->is_null()) return aux;
    if (!value->is_object()) return wrong("result.Success.aux: must be an object");
    JsonReader reader(*value, "result.Success.aux");
    aux.endpoint_id = reader.text("endpoint_id", "");
    aux.project_id = reader.text("project_id", "");
    aux.branch_id = reader.text("branch_id", "");
    aux.compute_id = reader.text("compute_id", "");
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    return aux;
}

Result<std::optional<bool>> read_public_access(const JsonReader& success) {
    const json::value* value = success.member("public_access_allowed");
    if (value == nullptr || value->is_null()) return std::optional<bool>();
    if (!value->is_bool()) {
        return wrong("result.Success.public_access_allowed: must be true or false");
    }
    return std::optional<bool>(value->get_bool());
}

Result<LinkSuccess> read_success(const json::value& value) {
    const std::string path = "result.Success";
    if (!value.is_object()) return wrong(path + ": must be an object");
    JsonReader reader(value, path);
    LinkSuccess success;
    success.host = reader.required_text("host");
    success.port = static_cast<std::uint16_t>(reader.required_integer("port", 1, port_max));
    success.dbname = reader.required_text("dbname");
    success.user = reader.required_text("user");
    if (auto password = reader.optional_text("password")) success.password = Secret(*password);
    success.tls = reader.text("tls", "");
    success.approver = reader.text("approver", "");
    success.target = reader.text("target", "");
    success.session = reader.text("session", "");
    if (auto ok = reader.result(); !ok) return std::move(ok).error();

    auto aux = read_aux(reader);
    if (!aux) return std::move(aux).error();
    success.aux = std::move(*aux);
    auto allowed_ips = read_texts(reader, "allowed_ips", path + ".allowed_ips");
    if (!allowed_ips) return std::move(allowed_ips).error();
    success.allowed_ips = std::move(*allowed_ips);
    auto public_access = read_public_access(reader);
    if (!public_access) return std::move(public_access).error();
    success.public_access_allowed = *public_access;
    return success;
}

Result<LinkFailure> read_failure(const json::value& value) {
    if (!value.is_string()) return wrong("result.Failure: must be a text");
    return LinkFailure{std::string(value.get_string())};
}

json::object success_json(const LinkSuccess& success) {
    json::object out{{"host", success.host},
                     {"port", success.port},
                     {"dbname", success.dbname},
                     {"user", success.user}};
    if (success.password) out["password"] = success.password->reveal();
    out["aux"] = json::object{{"endpoint_id", success.aux.endpoint_id},
                              {"project_id", success.aux.project_id},
                              {"branch_id", success.aux.branch_id},
                              {"compute_id", success.aux.compute_id}};
    if (success.allowed_ips) {
        out["allowed_ips"] = json::array(success.allowed_ips->begin(), success.allowed_ips->end());
    }
    if (success.public_access_allowed)
        out["public_access_allowed"] = *success.public_access_allowed;
    put(out, "tls", success.tls);
    put(out, "approver", success.approver);
    put(out, "target", success.target);
    put(out, "session", success.session);
    return out;
}

Result<void> read_requested(const JsonReader& root, RequestedAccess& to) {
    auto value = required_object(root, "requested", "requested");
    if (!value) return std::move(value).error();
    JsonReader reader(**value, "requested");
    to.role = reader.required_text("role");
    to.database = reader.text("database", "");
    to.target = reader.text("target", "");
    return reader.result();
}

Result<void> read_client(const JsonReader& root, ClientInfo& to) {
    auto value = required_object(root, "client", "client");
    if (!value) return std::move(value).error();
    JsonReader reader(**value, "client");
    to.address = reader.required_text("address");
    to.port = static_cast<std::uint16_t>(reader.integer("port", 0, 0, port_max));
    to.application_name = reader.text("application_name", "");
    // A proxy that only knows yes or no may send a boolean.
    const json::value* tls = reader.member("tls");
    if (tls != nullptr && tls->is_bool()) {
        to.tls = tls->get_bool() ? "TLS" : "";
    } else {
        to.tls = reader.text("tls", "");
    }
    return reader.result();
}

}  // namespace

json::object json_object(const RequestedAccess& requested) {
    return {
        {"role", requested.role}, {"database", requested.database}, {"target", requested.target}};
}

json::object json_object(const ClientInfo& client) {
    return {{"address", client.address},
            {"port", client.port},
            {"application_name", client.application_name},
            {"tls", client.tls}};
}

std::string encode(const LinkRegistration& registration) {
    return json::serialize(json::object{{"session_id", registration.session_id},
                                        {"phrase", registration.phrase},
                                        {"instance", registration.instance},
                                        {"ttl_seconds", registration.ttl.count()},
                                        {"requested", json_object(registration.requested)},
                                        {"client", json_object(registration.client)}});
}

Result<LinkRegistration> parse_link_registration(std::string_view text) {
    auto document = http::parse_json(text);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    LinkRegistration registration;
    registration.session_id = reader.required_text("session_id");
    registration.phrase = reader.text("phrase", "");
    registration.instance = reader.required_text("instance");
    registration.ttl =
        std::chrono::seconds(reader.required_integer("ttl_seconds", 1, ttl_seconds_max));
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    if (auto ok = read_requested(reader, registration.requested); !ok) return std::move(ok).error();
    if (auto ok = read_client(reader, registration.client); !ok) return std::move(ok).error();
    return registration;
}

std::string encode(const LinkRegistered& registered) {
    return json::serialize(
        json::object{{"session_id", registered.session_id}, {"expires_at", registered.expires_at}});
}

Result<LinkRegistered> parse_link_registered(std::string_view text) {
    auto document = http::parse_json(text);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    LinkRegistered registered;
    registered.session_id = reader.required_text("session_id");
    registered.expires_at = reader.required_text("expires_at");
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    return registered;
}

std::string encode_connected(std::int64_t backend_pid) {
    return json::serialize(json::object{{"backend_pid", backend_pid}});
}

Result<std::int64_t> parse_connected(std::string_view text) {
    auto document = http::parse_json(text);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    const std::int64_t backend_pid =
        reader.required_integer("backend_pid", 0, std::numeric_limits<std::int32_t>::max());
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    return backend_pid;
}

std::string encode(const ApiError& error) {
    const json::object inner{{"code", error.code}, {"message", error.message}};
    return json::serialize(json::object{{"error", inner}});
}

ApiError parse_api_error(std::string_view body) {
    auto document = http::parse_json(body);
    if (!document || !document->is_object()) return {};
    const json::value* inner = document->get_object().if_contains("error");
    if (inner == nullptr || !inner->is_object()) return {};
    JsonReader reader(*inner, "error");
    return ApiError{reader.text("code", ""), reader.text("message", "")};
}

std::string encode(const Notification& notification) {
    json::object result;
    if (const auto* success = std::get_if<LinkSuccess>(&notification.result)) {
        result["Success"] = success_json(*success);
    } else {
        result["Failure"] = std::get<LinkFailure>(notification.result).text;
    }
    return json::serialize(
        json::object{{"session_id", notification.session_id}, {"result", std::move(result)}});
}

Result<Notification> parse_notification(std::string_view text) {
    auto document = http::parse_json(text);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    std::string session_id = reader.required_text("session_id");
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    auto result = required_object(reader, "result", "result");
    if (!result) return std::move(result).error();
    const json::object& members = (*result)->get_object();
    if (const json::value* value = members.if_contains("Success")) {
        auto success = read_success(*value);
        if (!success) return std::move(success).error();
        return Notification{std::move(session_id), std::move(*success)};
    }
    if (const json::value* value = members.if_contains("Failure")) {
        auto failure = read_failure(*value);
        if (!failure) return std::move(failure).error();
        return Notification{std::move(session_id), std::move(*failure)};
    }
    return wrong("result: must hold Success or Failure");
}

}  // namespace sluice::auth
