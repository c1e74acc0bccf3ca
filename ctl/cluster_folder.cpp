#include "ctl/cluster_folder.hpp"

#include "common/base/hex.hpp"
#include "common/base/startup_error.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/crypto/signature.hpp"
#include "common/net/tls_context.hpp"
#include "ctl/config_files.hpp"
#include "ctl/files.hpp"
#include "ctl/os_user.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t key_bytes = 32;
constexpr auto renew_before = std::chrono::hours(24 * 30);

void require(const Result<void>& result) {
    if (!result) throw StartupError(result.error().message());
}

// Folders are closed to others, except that anybody may read the CA certificate and that
// PostgreSQL's account gets through to its own folders.
void make_folders(const Paths& paths) {
    const std::vector<std::pair<const char*, mode_t>> folders{
        {"ca", 0755}, {"tls", 0700}, {"keys", 0700}, {"auth", 0700}, {"log", 0700}, {"run", 0711}};
    for (const auto& [name, mode] : folders) make_folder(paths.root / name, mode);
}

bool write_if_missing(const fs::path& file, const std::string& text, mode_t mode) {
    if (fs::exists(file)) return false;
    write_file(file, text, mode);
    return true;
}

std::string random_hex() { return to_hex(crypto::random_bytes(key_bytes)) + "\n"; }

bool make_keys(const Paths& paths) {
    bool made = false;
    for (const char* name : {"seal.key", "proxy.token", "admin.token"}) {
        made |= write_if_missing(paths.key(name), random_hex(), 0600);
    }
    const bool has_pair =
        fs::exists(paths.key("management.key")) && fs::exists(paths.key("management.pub"));
    if (!has_pair) {
        require(
            crypto::PrivateKey::generate(paths.key("management.key"), paths.key("management.pub")));
        made = true;
    }
    return made;
}

bool ends_soon(const crypto::CertificateFiles& files) {
    const auto context = net::TlsServerContext::load({files.certificate, files.key},
                                                     net::TlsServerContext::Alpn::none);
    if (!context) return false;  // the service that uses it reports what is wrong
    const auto end = std::chrono::system_clock::from_time_t((*context)->not_after());
    return end - std::chrono::system_clock::now() < renew_before;
}

bool make_certificates(const Paths& paths) {
    const crypto::CertificateFiles authority{paths.ca_certificate(), paths.ca_key()};
    const std::vector<std::string> names{"localhost", "*.localhost", "127.0.0.1", "::1"};
    bool made = false;
    if (!fs::exists(authority.certificate)) {
        require(crypto::make_authority(authority, "sluice local CA"));
        made = true;
    }
    for (const char* name : {"proxy", "auth"}) {
        const crypto::CertificateFiles files{paths.tls(fmt::format("{}.crt", name)),
                                             paths.tls(fmt::format("{}.key", name))};
        if (fs::exists(files.certificate) && !ends_soon(files)) continue;
        if (!fs::exists(authority.key)) continue;  // kept elsewhere: whoever did that renews
        require(crypto::make_server_certificate(authority, files, names));
        made = true;
    }
    return made;
}

}  // namespace

std::string foreign_text(const fs::path& file, const std::string& owner) {
    const auto how = owner == "root" ? std::string("use sudo") : "run sluicectl as " + owner;
    return fmt::format(
        "{} belongs to {}: {}, or make your own with --dir", file.string(), owner, how);
}

// Whoever owns the folder can put links into it, and root would write through them.
void require_own(const Paths& paths) {
    for (const auto& file : {paths.root, paths.cluster_file()}) {
        struct stat found {};
        if (::stat(file.c_str(), &found) != 0 || found.st_uid == ::geteuid()) continue;
        const auto owner = find_user(found.st_uid);
        throw StartupError(foreign_text(file, owner ? owner->name : std::to_string(found.st_uid)));
    }
}

bool is_cluster(const Paths& paths) { return fs::exists(paths.cluster_file()); }

Cluster Cluster::open(const fs::path& dir) {
    Cluster cluster{Paths::of(dir), {}};
    if (!is_cluster(cluster.paths)) {
        throw StartupError(
            fmt::format("no cluster in {}; 'sluicectl up' makes one, --dir names another folder",
                        cluster.paths.root.string()));
    }
    require_own(cluster.paths);
    cluster.file = ClusterFile::load(cluster.paths.cluster_file());
    return cluster;
}

void Cluster::save() const { write_file(paths.cluster_file(), render(file), 0644); }

void require_cluster_or_empty(const Paths& paths) {
    require_own(paths);
    if (is_cluster(paths) || fs::is_empty(paths.root)) return;
    throw StartupError(
        fmt::format("{} holds other files and no cluster; choose another folder with --dir",
                    paths.root.string()));
}

bool complete_files(const Cluster& cluster) {
    const auto& paths = cluster.paths;
    make_folders(paths);
    bool made = make_keys(paths);
    made |= make_certificates(paths);
    made |= write_if_missing(paths.proxy_config(), render_proxy_config(cluster.file.ports), 0644);
    made |= write_if_missing(paths.auth_config(), render_auth_config(cluster.file.ports), 0644);
    return made;
}

}  // namespace sluice::ctl
