#pragma once

#include "common/base/bytes.hpp"
#include "common/base/secret.hpp"

#include <string>
#include <string_view>

namespace sluice::pg {

// password and user, which is what the hash of an MD5 secret is made of.
Secret md5_input(std::string_view user, const Secret& password);

// The answer to AuthenticationMD5Password: "md5" and 32 hex digits.
std::string md5_password(std::string_view user, const Secret& password, ByteView salt);

}  // namespace sluice::pg
