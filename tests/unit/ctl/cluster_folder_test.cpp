#include "ctl/cluster_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(ForeignCluster, TheTextSaysWhatToDo) {
    EXPECT_EQ(foreign_text("/srv/.sluice", "root"),
              "/srv/.sluice belongs to root: use sudo, or make your own with --dir");
    EXPECT_EQ(foreign_text("/srv/.sluice", "alice"),
              "/srv/.sluice belongs to alice: run sluicectl as alice, or make your own with --dir");
}

}  // namespace
}  // namespace sluice::ctl
