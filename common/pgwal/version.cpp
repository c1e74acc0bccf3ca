#include "common/pgwal/version.hpp"

#include "common/pgwal/errc.hpp"
#include "common/pgwal/layouts.hpp"

#include <cstdio>

namespace sluice::pgwal {

namespace {

Error unsupported(std::string what) {
    return Error(ErrorKind::peer,
                 std::move(what) + " is not one of 14 to 18",
                 make_error_code(Errc::unsupported_version));
}

}  // namespace

Result<PgMajor> load_major(std::uint64_t number) {
    for (const PgMajor major : pg_majors)
        if (number_of(major) == number) return major;
    return unsupported("PostgreSQL major version " + std::to_string(number));
}

Result<PgMajor> load_major_of_version_num(std::uint64_t version_num) {
    auto major = load_major(version_num / 10000);
    if (!major) return unsupported("PostgreSQL version " + std::to_string(version_num));
    return major;
}

Result<PgMajor> load_major_of_page_magic(std::uint16_t magic) {
    for (const PgMajor major : pg_majors)
        if (page_magic(major) == magic) return major;
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "0x%04X", static_cast<unsigned>(magic));
    return unsupported("the PostgreSQL version of WAL with page magic " + std::string(text.data()));
}

std::uint16_t page_magic(PgMajor major) { return layout_of(major).page_magic; }

}  // namespace sluice::pgwal
