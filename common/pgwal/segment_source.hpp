#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/base/result.hpp"

#include <cstddef>

namespace sluice::pgwal {

// Where the bytes of segments come from: files of a directory, an archive, a test.
class SegmentSource {
public:
    virtual ~SegmentSource() = default;

    // Reads WAL from `from` on, not beyond the segment that holds it.
    //   returns: bytes read, 1 to to.size(); 0 when there are none, because there is no such
    //            segment or its file ends before
    //   errors:  those of the medium
    virtual Result<std::size_t> read(Lsn from, ByteSpan to) = 0;
};

}  // namespace sluice::pgwal
