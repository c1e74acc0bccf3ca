#include "common/net/openssl_error.hpp"

#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>

#include <cstring>

namespace sluice::net {

namespace {

std::string reason_text(unsigned long error) {
    if (ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
    if (const char* reason = ERR_reason_error_string(error)) return reason;
    return "error " + std::to_string(error);
}

}  // namespace

OpensslError take_openssl_error() {
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    if (error == 0) return {boost::asio::ssl::error::unspecified_system_error, "unknown error"};
    return {{static_cast<int>(error), boost::asio::error::get_ssl_category()}, reason_text(error)};
}

}  // namespace sluice::net
