#include "ctl/cluster_file.hpp"

#include "common/base/startup_error.hpp"
#include "ctl/files.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace sluice::ctl {
namespace {

class ClusterFileTest : public testing::Test {
protected:
    ClusterFileTest() : file_(testing::TempDir() + "cluster_file_test.yaml") {}
    ~ClusterFileTest() override { std::filesystem::remove(file_); }

    const std::filesystem::path file_;
};

TEST_F(ClusterFileTest, ReadsBackWhatItWrote) {
    ClusterFile cluster;
    cluster.ports.proxy = 12345;
    cluster.ports.auth_admin = 54321;
    cluster.postgres_bin = "/opt/a \"quoted\" \\ path: #1/bin";
    cluster.postgres_data = "/var/lib/sluice/0123/data";
    cluster.postgres_socket = "/tmp/sluice-0123";
    cluster.registered = true;

    write_file(file_, render(cluster), 0600);

    EXPECT_EQ(ClusterFile::load(file_), cluster);
}

TEST_F(ClusterFileTest, RefusesAPortOutOfRange) {
    auto text = render(ClusterFile{{}, "/bin", "/data", "/run", false});
    text.replace(text.find("5440"), 4, "70000");

    write_file(file_, text, 0600);

    EXPECT_THROW(ClusterFile::load(file_), StartupError);
}

}  // namespace
}  // namespace sluice::ctl
