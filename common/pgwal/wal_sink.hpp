#pragma once

#include "common/base/assert.hpp"
#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/base/result.hpp"

namespace sluice::pgwal {

// Where written WAL goes: a file, a connection, memory.
class WalSink {
public:
    virtual ~WalSink() = default;

    // Takes the bytes that belong at `lsn`, which are those after the bytes of the call before.
    // They are at most a page and never go over the end of a page, and so of a segment; `bytes`
    // ends with the call.
    virtual Result<void> write(Lsn lsn, ByteView bytes) = 0;
};

// Collects WAL in memory.
class WalBuffer final : public WalSink {
public:
    Result<void> write(Lsn lsn, ByteView bytes) override {
        if (bytes_.empty()) start_ = lsn;
        SLUICE_ASSERT(lsn == end());
        append(bytes_, bytes);
        return {};
    }

    // LSN of the first byte.
    Lsn start() const { return start_; }
    Lsn end() const { return start_ + bytes_.size(); }
    const Bytes& bytes() const { return bytes_; }

private:
    Lsn start_;
    Bytes bytes_;
};

}  // namespace sluice::pgwal
