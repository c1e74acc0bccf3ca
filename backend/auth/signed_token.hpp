#pragma once

#include "common/base/result.hpp"
#include "common/crypto/signature.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::pg {

// What every kind of JWT that we take has in common; jwt.cpp and token_scope.cpp add the claims.

// "token refused: <reason>", kind client.
Error token_refused(std::string reason);

// The payload of a token in compact form, whose header names EdDSA and whose signature is by one of
// the keys. Nothing of the payload is looked at before. Takes any text.
Result<boost::json::object> open_token(std::string_view token,
                                       std::span<const crypto::PublicKey> keys);

// nullopt: absent, or no text.
std::optional<std::string> find_text(const boost::json::object& object, std::string_view name);
// NumericDate in seconds since 1970, a fraction is cut off. nullopt: absent, or no such number.
std::optional<std::int64_t> find_time(const boost::json::object& object, std::string_view name);

}  // namespace sluice::pg
