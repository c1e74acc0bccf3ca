#include "common/config/service_config.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

namespace sluice::config {
namespace {

ServiceConfig read(const std::string& yaml) {
    Section root = Section::parse(yaml, "proxy.yaml");
    ServiceConfig config = ServiceConfig::read(root);
    root.finish();
    return config;
}

class SecretFile : public testing::Test {
protected:
    ~SecretFile() override { std::filesystem::remove(path_); }

    std::string content_of(const std::string& text) {
        std::ofstream(path_, std::ios::binary) << text;
        return read_secret_file(path_);
    }

    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() / ("sluice-secret-" + std::to_string(::getpid()));
};

TEST(ServiceConfig, ReadsEverySection) {
    const ServiceConfig config = read(
        "admin: {listen: '127.0.0.1:9440'}\n"
        "log: {level: debug, format: json}\n"
        "shutdown: {delay: 1s, deadline: 2s}\n"
        "threads: 3\n");
    EXPECT_EQ(config.admin, (HostPort{"127.0.0.1", 9440}));
    EXPECT_EQ(config.log_level, "debug");
    EXPECT_EQ(config.log_format, "json");
    EXPECT_EQ(config.shutdown_delay, std::chrono::seconds(1));
    EXPECT_EQ(config.shutdown_deadline, std::chrono::seconds(2));
    EXPECT_EQ(config.threads, 3U);
}

TEST(ServiceConfig, EverySectionIsOptional) {
    const ServiceConfig config = read("{}");
    EXPECT_FALSE(config.admin);
    EXPECT_EQ(config.log_level, "info");
    EXPECT_EQ(config.shutdown_deadline, std::chrono::seconds(30));
    EXPECT_EQ(config.threads, 0U);
}

TEST(ServiceConfig, RefusesUnknownWords) {
    EXPECT_THROW(read("log: {level: loud}\n"), ConfigError);
    EXPECT_THROW(read("log: {levle: info}\n"), ConfigError);
    EXPECT_THROW(read("admin: {listen: nowhere}\n"), ConfigError);
    EXPECT_THROW(read("threads: -1\n"), ConfigError);
}

TEST_F(SecretFile, LosesOneTrailingNewline) {
    EXPECT_EQ(content_of("token\n"), "token");
    EXPECT_EQ(content_of("token\r\n"), "token");
    EXPECT_EQ(content_of(" tok en"), " tok en");
}

TEST_F(SecretFile, MustExistAndHoldSomething) {
    EXPECT_THROW(content_of("\n"), StartupError);
    EXPECT_THROW(content_of(std::string(100'000, 'x')), StartupError);
    try {
        read_secret_file("/nonexistent/token");
        FAIL() << "a missing file must be refused";
    } catch (const StartupError& error) {
        EXPECT_STREQ(error.what(), "/nonexistent/token: cannot be read");
    }
}

}  // namespace
}  // namespace sluice::config
