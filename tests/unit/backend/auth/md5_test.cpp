#include "backend/auth/md5.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

// select 'md5' || md5(md5('secret' || 'app') || 'salt')
TEST(Md5Password, IsTheHashOfTheSaltedHash) {
    EXPECT_EQ(md5_password("app", Secret("secret"), as_bytes("salt")),
              "md57f097e06031b34893c20e25a0e68242c");
}

}  // namespace
}  // namespace sluice::pg
