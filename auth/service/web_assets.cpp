#include "auth/service/web_assets.hpp"

#include "auth/web/embedded.hpp"
#include "common/base/hex.hpp"
#include "common/base/startup_error.hpp"
#include "common/crypto/hash.hpp"

#include <array>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::string_view template_folder = "web/templates/";
constexpr std::string_view template_suffix = ".html";
constexpr std::string_view static_folder = "web/static/";

std::string type_of(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> types{{
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
    }};
    for (const auto& [suffix, type] : types) {
        if (name.ends_with(suffix)) return std::string(type);
    }
    return "application/octet-stream";
}

void must(const Result<void>& result) {
    if (!result) throw StartupError("embedded pages: " + result.error().message());
}

}  // namespace

WebAssets::WebAssets() {
    for (const EmbeddedFile& file : embedded_files()) {
        if (file.path.starts_with(template_folder)) {
            std::string_view name = file.path.substr(template_folder.size());
            name.remove_suffix(template_suffix.size());
            must(templates_.add(std::string(name), file.content));
        } else if (file.path.starts_with(static_folder)) {
            const std::string_view name = file.path.substr(static_folder.size());
            const auto hash = crypto::sha256(as_bytes(file.content));
            files_[std::string(name)] =
                StaticFile{file.content, type_of(name), "\"" + to_hex(hash).substr(0, 32) + "\""};
        }
    }
    must(templates_.check());
}

const WebAssets::StaticFile* WebAssets::find(const std::string& name) const {
    const auto found = files_.find(name);
    return found == files_.end() ? nullptr : &found->second;
}

}  // namespace sluice::auth
