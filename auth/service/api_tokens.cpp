#include "auth/service/api_tokens.hpp"

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "common/config/service_config.hpp"

namespace sluice::auth {

namespace {

constexpr std::size_t token_length_min = 16;

std::vector<ApiTokens::Token> read_tokens(const std::vector<TokenConfig>& configs) {
    std::vector<ApiTokens::Token> tokens;
    for (const TokenConfig& config : configs) {
        const std::string text = config::read_secret_file(config.file);
        if (text.size() < token_length_min) {
            throw StartupError(config.file.string() +
                               ": a token must have at least 16 characters; make one with "
                               "`openssl rand -hex 32`");
        }
        tokens.push_back(
            ApiTokens::Token{config.name, config.scope, crypto::sha256(as_bytes(text))});
    }
    return tokens;
}

}  // namespace

ApiTokens::ApiTokens(const std::vector<TokenConfig>& configs) { reload(configs); }

void ApiTokens::reload(const std::vector<TokenConfig>& configs) {
    auto fresh = std::make_shared<const List>(read_tokens(configs));
    const std::lock_guard lock(mutex_);
    tokens_ = std::move(fresh);
}

std::optional<ApiTokens::Token> ApiTokens::find(
    std::optional<std::string_view> authorization) const {
    constexpr std::string_view scheme = "Bearer ";
    if (!authorization || authorization->size() <= scheme.size()) return std::nullopt;
    if (!equal_ignoring_case(authorization->substr(0, scheme.size()), scheme)) return std::nullopt;
    const crypto::Sha256 hash = crypto::sha256(as_bytes(authorization->substr(scheme.size())));
    std::shared_ptr<const List> tokens;
    {
        const std::lock_guard lock(mutex_);
        tokens = tokens_;
    }
    std::optional<Token> found;
    for (const Token& token : *tokens) {
        if (crypto::equal_constant_time(token.hash, hash)) found = token;
    }
    return found;
}

}  // namespace sluice::auth
