#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// A password, token or key: cannot be printed or formatted by accident, and is wiped when it
// goes. reveal() marks every place where the plain value is used.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret& operator=(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret() { wipe(); }

    std::string_view reveal() const { return value_; }
    bool empty() const { return value_.empty(); }

private:
    void wipe();

    std::string value_;
};

}  // namespace sluice
