#include "common/base/ids.hpp"

#include "common/base/hex.hpp"

#include <algorithm>

namespace sluice {

template <class Tag>
std::optional<HexId<Tag>> HexId<Tag>::parse(std::string_view text) {
    const auto parsed = parse_hex(text);
    if (!parsed || parsed->size() != size) return std::nullopt;
    HexId id;
    std::copy(parsed->begin(), parsed->end(), id.bytes_.begin());
    return id;
}

template <class Tag>
std::string HexId<Tag>::to_string() const {
    return to_hex(bytes_);
}

template class HexId<struct TenantIdTag>;
template class HexId<struct TimelineIdTag>;

}  // namespace sluice
