#pragma once

#include "common/base/bytes.hpp"
#include "common/base/secret.hpp"

#include <string>
#include <string_view>

namespace sluice::pg {

// The answer to AuthenticationMD5Password: "md5" and 32 hex digits.
std::string md5_password(std::string_view user, const Secret& password, ByteView salt);

}  // namespace sluice::pg
