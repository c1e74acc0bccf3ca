#pragma once

#include <openssl/evp.h>

namespace sluice::pg {

// OpenSSL finds no MD5 while the object lives, as in FIPS mode.
class WithoutMd5 {
public:
    WithoutMd5() { EVP_default_properties_enable_fips(nullptr, 1); }
    ~WithoutMd5() { EVP_default_properties_enable_fips(nullptr, 0); }
    WithoutMd5(const WithoutMd5&) = delete;
    WithoutMd5& operator=(const WithoutMd5&) = delete;
};

}  // namespace sluice::pg
