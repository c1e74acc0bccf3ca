#include "backend/client/client_error.hpp"

#include <utility>

namespace sluice::pg {

ClientError client_error(Error error) {
    ClientError made;
    made.error = std::move(error).as(ErrorKind::compute);
    return made;
}

ClientError client_error(std::string detail) {
    return client_error(Error(ErrorKind::compute, std::move(detail)));
}

ClientError client_misuse(std::string detail) {
    ClientError made;
    made.error = Error(ErrorKind::internal, std::move(detail));
    return made;
}

ClientError client_error(const Frame& error_response) {
    auto fields = parse_error_fields(error_response.body);
    if (!fields) return client_error(std::move(fields).error());
    ClientError error = client_error("the server says " + fields->code + ": " + fields->message);
    error.server = std::move(*fields);
    append_frame(error.response, error_response);
    return error;
}

ClientError closed_by_server() {
    return client_error(Error(ErrorKind::compute, "the server closed the connection", eof_error()));
}

}  // namespace sluice::pg
