#pragma once

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

// Every beginning of a good body, and the body with a byte behind it, is an invalid message.
template <class Parser>
void expect_exact(Parser parse, std::string_view good) {
    const Bytes body = bytes_of(good);
    EXPECT_TRUE(parse(body));
    for (std::size_t count = 0; count < body.size(); ++count) {
        SCOPED_TRACE("cut after " + std::to_string(count) + " bytes");
        // In a buffer of its own: a sanitizer sees any read behind its end.
        const Bytes cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(count));
        const auto refused = parse(cut);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid_message);
        EXPECT_EQ(refused.error().kind, ErrorKind::client);
    }
    Bytes longer = body;
    longer.push_back(0);
    EXPECT_FALSE(parse(longer)) << "with a byte behind the last field";
}

// The elements of a list.
template <class List>
auto elements(const List& list) {
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < list.size(); ++i) numbers.push_back(list[i]);
    return numbers;
}

using Texts = std::vector<std::optional<std::string>>;

// The values of a list as texts.
template <class List>
Texts texts(const List& list) {
    Texts all;
    for (const auto value : list) {
        if (value) {
            all.emplace_back(as_text(*value));
        } else {
            all.emplace_back();
        }
    }
    EXPECT_EQ(all.size(), list.size());
    return all;
}

}  // namespace sluice::pg
