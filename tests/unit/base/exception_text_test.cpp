#include "common/base/exception_text.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice {
namespace {

template <class Exception>
std::string text_of(const Exception& exception) {
    try {
        throw exception;
    } catch (...) {
        return current_exception_text();
    }
}

TEST(CurrentExceptionText, IsWhatTheExceptionSays) {
    EXPECT_EQ(text_of(std::runtime_error("no disk")), "no disk");
    EXPECT_EQ(text_of(7), "unknown exception");
}

}  // namespace
}  // namespace sluice
