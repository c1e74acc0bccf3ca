#include "ctl/status.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(Status, AlignsItsColumnsAndExplainsProblems) {
    const auto text = format_status({
        {"postgres", "ready", "12", "127.0.0.1:5441", "2026-01-02 03:04:05", ""},
        {"auth",
         "not ready",
         "12345",
         "http://127.0.0.1:8480",
         "2026-01-02 03:04:06",
         "database\n"},
        {"proxy", "not running", "", "127.0.0.1:5440", "", ""},
    });

    EXPECT_EQ(text,
              "PART      STATE        PID    ADDRESS                SINCE\n"
              "postgres  ready        12     127.0.0.1:5441         2026-01-02 03:04:05\n"
              "auth      not ready    12345  http://127.0.0.1:8480  2026-01-02 03:04:06\n"
              "proxy     not running  -      127.0.0.1:5440         -\n"
              "auth: database\\x0a\n");
}

}  // namespace
}  // namespace sluice::ctl
