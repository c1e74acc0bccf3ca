#include "common/base/secret.hpp"

#include <string.h>

namespace sluice {

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        wipe();
        value_ = other.value_;
    }
    return *this;
}

// Short strings are moved by copying, so the source is wiped by hand.
Secret::Secret(Secret&& other) noexcept : value_(other.value_) { other.wipe(); }

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        value_ = other.value_;
        other.wipe();
    }
    return *this;
}

void Secret::wipe() {
    explicit_bzero(value_.data(), value_.size());
    value_.clear();
}

}  // namespace sluice
