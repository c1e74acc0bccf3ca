#include "common/net/openssl_error.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstring>
#include <string>

namespace sluice::net {

namespace {

// No error of OpenSSL has this number: it left nothing in its queue.
constexpr int unknown_error = -1;

std::string reason_text(int value) {
    if (value == unknown_error) return "unknown error";
    const unsigned long error = static_cast<unsigned int>(value);
    if (ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
    if (const char* reason = ERR_reason_error_string(error)) return reason;
    return "error " + std::to_string(error);
}

// Boost's categories have no virtual destructor and are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class TlsCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.tls"; }
    std::string message(int value) const override { return reason_text(value); }
};

class CertificateCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.certificate"; }
    std::string message(int value) const override {
        return std::string("certificate verify failed: ") + X509_verify_cert_error_string(value);
    }
};

#pragma GCC diagnostic pop

const TlsCategory tls_category;
const CertificateCategory certificate_category;

}  // namespace

boost::system::error_code tls_error(unsigned long openssl_error) {
    if (openssl_error == 0) return {unknown_error, tls_category};
    return {static_cast<int>(openssl_error), tls_category};
}

boost::system::error_code certificate_error(long verify_result) {
    return {static_cast<int>(verify_result), certificate_category};
}

boost::system::error_code take_openssl_error() {
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    return tls_error(error);
}

}  // namespace sluice::net
