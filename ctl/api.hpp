#pragma once

#include "common/base/secret.hpp"
#include "common/http/client.hpp"
#include "ctl/options.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>

namespace sluice::ctl {

// The JSON API of one sluice-auth.
class AuthApi {
public:
    AuthApi(http::ClientOptions server, Secret token);
    // The server and token that the options name. Throws StartupError.
    explicit AuthApi(const ApiOptions& options);

    struct Answer {
        int status = 0;
        std::string text;
        boost::json::value body;  // null when empty or no JSON
    };
    // Throws StartupError when there was no answer. `body` null: none.
    Answer send(const std::string& method,
                const std::string& target,
                const boost::json::value& body = nullptr) const;
    // The same; throws StartupError with the server's own words for a status of 400 and above.
    Answer call(const std::string& method,
                const std::string& target,
                const boost::json::value& body = nullptr) const;

private:
    http::ClientOptions server_;
    Secret token_;
};

// The list `member` of an answer. Throws StartupError when it has none.
const boost::json::array& list_of(const AuthApi::Answer& answer, const std::string& member);

// "message (code)" of an error answer, for people.
std::string error_text(const AuthApi::Answer& answer);

}  // namespace sluice::ctl
