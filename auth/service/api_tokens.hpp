#pragma once

#include "auth/service/config.hpp"
#include "common/crypto/hash.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

// The bearer tokens of the API, read from their files. Any thread.
class ApiTokens {
public:
    struct Token {
        std::string name;
        TokenScope scope = TokenScope::proxy;
        crypto::Sha256 hash{};
    };
    // Throws StartupError naming the file.
    explicit ApiTokens(const std::vector<TokenConfig>& configs);
    // Reads the files again; on StartupError the tokens stay as they were.
    void reload(const std::vector<TokenConfig>& configs);

    // The token of an "Authorization: Bearer ..." header. Every token is compared, in time that
    // does not depend on the content.
    std::optional<Token> find(std::optional<std::string_view> authorization) const;

private:
    using List = std::vector<Token>;
    mutable std::mutex mutex_;
    std::shared_ptr<const List> tokens_;
};

}  // namespace sluice::auth
