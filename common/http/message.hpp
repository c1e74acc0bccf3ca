#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// A request as the server read it, or as a client wants it sent.
struct Request {
    std::string method = "GET";
    std::string target = "/";                       // path and query as on the wire
    std::string path = "/";                         // percent-decoded path (server side)
    std::map<std::string, std::string> query;       // decoded (server side)
    std::map<std::string, std::string> parameters;  // {name} parts of the route (server side)
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string peer_address;  // server side, without port
    bool encrypted = false;    // server side: came over TLS

    // First header of that name, any case.
    std::optional<std::string_view> header(std::string_view name) const;
    std::optional<std::string_view> cookie(std::string_view name) const;
    // Fields of an application/x-www-form-urlencoded body.
    std::map<std::string, std::string> form() const;
};

struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;

    std::optional<std::string_view> header(std::string_view name) const;

    // With a Content-Type; the text ones are UTF-8.
    static Response text(int status, std::string body);
    static Response html(int status, std::string body);
    static Response json(int status, std::string body);
    static Response see_other(std::string location);  // 303
    static Response no_content() { return Response{204, {}, {}}; }
};

// The fields of a query string or form; the first of a repeated name counts.
std::map<std::string, std::string> parse_form(std::string_view text);

// Everything but letters, digits and -._~ becomes %XX.
std::string percent_encode(std::string_view text);
// A malformed %XX stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace sluice::http
