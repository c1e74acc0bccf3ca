#include "auth/service/passwords.hpp"

#include "auth/service/store_access.hpp"
#include "common/crypto/password_hash.hpp"
#include "common/crypto/random_bytes.hpp"

namespace sluice::auth {

namespace {

constexpr std::size_t decoy_length = 32;

}  // namespace

Passwords::Passwords()
    : decoy_(crypto::hash_password(Secret(crypto::random_password(decoy_length)))) {}

bool Passwords::enter() {
    if (++waiting_ <= waiting_max) return true;
    leave();
    return false;
}

net::Awaitable<std::optional<std::string>> Passwords::hash(Secret password) {
    if (!enter()) co_return std::nullopt;
    boost::asio::io_context* context = co_await current_context();
    auto work = [password = std::move(password)] { return crypto::hash_password(password); };
    std::string hashed = co_await pool_.run(*context, std::move(work));
    leave();
    co_return std::move(hashed);
}

net::Awaitable<std::optional<bool>> Passwords::verify(std::string stored, Secret password) {
    if (!enter()) co_return std::nullopt;
    boost::asio::io_context* context = co_await current_context();
    const bool known = !stored.empty();
    auto work = [against = known ? std::move(stored) : decoy_, password = std::move(password)] {
        return crypto::verify_password(against, password);
    };
    const bool right = co_await pool_.run(*context, std::move(work));
    leave();
    co_return known&& right;
}

}  // namespace sluice::auth
