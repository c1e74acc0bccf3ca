#pragma once

#include "common/crypto/hash.hpp"

#include <optional>
#include <string_view>

namespace sluice::pg {

// Cuts the next "<name>=value" off the front of a SCRAM message, with the comma behind it. nullopt,
// and nothing is cut, when another attribute or none is there.
//   ownership: the value points into the message
inline std::optional<std::string_view> take_attribute(std::string_view& message, char name) {
    if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
    const std::size_t end = message.find(',');
    const std::string_view value = message.substr(2, end == std::string_view::npos ? end : end - 2);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    return value;
}

// ClientProof of ClientKey and ClientSignature, and the other way round.
inline crypto::Sha256 exclusive_or(const crypto::Sha256& a, const crypto::Sha256& b) {
    crypto::Sha256 mixed{};
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        mixed[i] = static_cast<std::uint8_t>(a[i] ^ b[i]);
    }
    return mixed;
}

}  // namespace sluice::pg
