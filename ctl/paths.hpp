#pragma once

#include <filesystem>
#include <string>

namespace sluice::ctl {

// Where the files of one cluster are, below its folder.
struct Paths {
    std::filesystem::path root;  // absolute

    // Makes `folder` absolute; it need not exist.
    static Paths of(const std::filesystem::path& folder);

    std::filesystem::path cluster_file() const { return root / "cluster.yaml"; }
    std::filesystem::path ca_certificate() const { return root / "ca/ca.crt"; }
    std::filesystem::path ca_key() const { return root / "ca/ca.key"; }
    std::filesystem::path tls(const std::string& name) const { return root / "tls" / name; }
    std::filesystem::path key(const std::string& name) const { return root / "keys" / name; }
    std::filesystem::path admin_token() const { return key("admin.token"); }
    std::filesystem::path proxy_config() const { return root / "proxy.yaml"; }
    std::filesystem::path auth_config() const { return root / "auth.yaml"; }
    std::filesystem::path postgres_data() const { return root / "postgres"; }
    std::filesystem::path log(const std::string& part) const {
        return root / "log" / (part + ".log");
    }
    std::filesystem::path pid_file(const std::string& part) const {
        return root / "run" / (part + ".pid");
    }
    std::filesystem::path first_sign_in() const { return root / "first-sign-in.txt"; }

    // Twelve hex digits that stand for `root` in the names of folders elsewhere.
    std::string short_name() const;
};

}  // namespace sluice::ctl
