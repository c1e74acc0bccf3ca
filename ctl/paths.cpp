#include "ctl/paths.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace sluice::ctl {

Paths Paths::of(const std::filesystem::path& folder) {
    auto absolute = std::filesystem::weakly_canonical(std::filesystem::absolute(folder));
    if (!absolute.has_filename()) absolute = absolute.parent_path();
    return Paths{absolute};
}

std::string Paths::short_name() const {
    // FNV-1a: names only, no protection against anybody.
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char character : root.string()) {
        hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    }
    return fmt::format("{:012x}", hash & 0xffffffffffff);
}

}  // namespace sluice::ctl
